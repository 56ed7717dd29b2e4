"""Who handles which event: a registry that each app's `handlers` module fills at start-up."""

import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from django.utils import timezone

from kafka_bridge.contracts import Event, Topic
from kafka_bridge.contracts.topics import is_dead_letter_topic
from kafka_bridge.errors import HandledTwice, NoHandler
from kafka_bridge.records import Record

E = TypeVar("E", bound=Event)
A = TypeVar("A")


class Answered(NamedTuple, Generic[E, A]):
    """An event, and what the handler's call brought back for it."""

    event: E
    answer: A


class Delivery(NamedTuple):
    """Since when the event in hand is known here, and how many attempts at it have failed."""

    received_at: datetime
    attempts: int
    age: timedelta
    """Since `received_at` when the attempt began. Both are by the database's clock, not by ours."""
    occurred_at: datetime | None = None
    """When it happened, by its producer's clock: a restored inbox has received it anew."""

    @property
    def begun_at(self) -> datetime:
        """Since when the event may have been handled. A producer's clock may be ahead."""
        return min(self.received_at, self.occurred_at or self.received_at)


_delivery: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


def current_delivery() -> Delivery:
    """Return the delivery of the event that the running `call` was given; if none, a first one."""
    return _delivery.get() or Delivery(timezone.now(), attempts=0, age=timedelta())


@contextlib.contextmanager
def delivered(delivery: Delivery) -> Iterator[None]:
    """Run a `call` as part of a delivery."""
    token = _delivery.set(delivery)
    try:
        yield
    finally:
        _delivery.reset(token)


@dataclass(frozen=True, slots=True)
class Handler:
    """What is done with the events of a class.

    `record` writes the effects of a batch, inside a transaction that it does not open, in which
    each customer appears once. If it fails, the batch is tried again event by event.
    `call` is awaited for each event before that, outside any transaction, with others in flight.
    """

    record: Callable[[Sequence[Any]], None]
    call: Callable[[Any], Awaitable[Any]] | None = None


_handlers: dict[type[Event], Handler] = {}
_discarded: dict[type[Event], Callable[[Sequence[Any]], None]] = {}
_rooms: list[Callable[[], int]] = []
_watchers: list[Callable[[Sequence[Record]], None]] = []


def handles(
    *event_classes: type[E],
) -> Callable[[Callable[[Sequence[E]], None]], Callable[[Sequence[E]], None]]:
    """Register the function as the handler of these events: database work only.

    Raises:
        HandledTwice: another handler has one of them.
    """

    def register(record: Callable[[Sequence[E]], None]) -> Callable[[Sequence[E]], None]:
        _register(event_classes, Handler(record=record))
        return record

    return register


def handles_answers(
    event_class: type[E], *, call: Callable[[E], Awaitable[A]]
) -> Callable[
    [Callable[[Sequence[Answered[E, A]]], None]], Callable[[Sequence[Answered[E, A]]], None]
]:
    """Register the function as the handler of what `call` answers to each of these events.

    `call` does the I/O. It may be awaited twice for one event, by two processes at worst, so
    whoever it calls must know a repetition: derive idempotency keys from the event alone.

    Raises:
        HandledTwice: another handler has the event.
    """

    def register(
        record: Callable[[Sequence[Answered[E, A]]], None],
    ) -> Callable[[Sequence[Answered[E, A]]], None]:
        _register([event_class], Handler(record=record, call=call))
        return record

    return register


def handles_discarded(
    event_class: type[E],
) -> Callable[[Callable[[Sequence[E]], None]], Callable[[Sequence[E]], None]]:
    """Register the function for events of a class that an operator gives up as dead letters.

    It is called in the transaction that discards them, so that whoever waits for an answer is told.
    """

    def register(record: Callable[[Sequence[E]], None]) -> Callable[[Sequence[E]], None]:
        _discarded[event_class] = record
        return record

    return register


def watches_dead_letters(
    record: Callable[[Sequence[Record]], None],
) -> Callable[[Sequence[Record]], None]:
    """Register the function for the records of all dead letter topics, as they are.

    They are of no contract, and cannot die again: it must take whatever a record holds, and one
    that it has had before, for these are kept in no inbox. It runs in a transaction.
    """
    _watchers.append(record)
    return record


def is_watched(topic: str) -> bool:
    """Tell whether the topic holds dead letters, and somebody registered for them."""
    return bool(_watchers) and is_dead_letter_topic(topic)


def watch(dead_letters: Sequence[Record]) -> None:
    """Let whoever registered for them know of dead letters."""
    for record in _watchers:
        record(dead_letters)


def consumed_topics() -> list[str]:
    """List the topics that this service consumes."""
    topics: list[str] = [event_class.topic for event_class in _handlers]
    return [*topics, *(topic.dead_letter_topic for topic in Topic if _watchers)]


def discarded(event: Event) -> None:
    """Let whoever registered for it know that an event is given up."""
    if record := _discarded.get(type(event)):
        record([event])


def limits_claims(room: Callable[[], int]) -> Callable[[], int]:
    """Register a function that tells how many more calls could begin soon: for a quota they share.

    The worker asks it, on the calls' event loop, and claims no more lanes than that: the others
    stay in their order, free for any worker, instead of waiting in one's memory under a lease.
    """
    _rooms.append(room)
    return room


def room_for_calls() -> int:
    """Return for how many more calls there is room, by whoever limits them."""
    return min([sys.maxsize, *(room() for room in _rooms)])


def handler_of(event_class: type[Event]) -> Handler:
    """Look up the handler of an event class.

    Raises:
        NoHandler: this service does not take the event.
    """
    try:
        return _handlers[event_class]
    except KeyError:
        raise NoHandler(f"no handler takes {event_class.__name__}") from None


def handled_event_classes() -> list[type[Event]]:
    """List the event classes that this service takes."""
    return list(_handlers)


def has_calls() -> bool:
    """Tell whether a handler of this service does I/O, and so needs a worker."""
    return any(handler.call for handler in _handlers.values())


def _register(event_classes: Iterable[type[Event]], handler: Handler) -> None:
    for event_class in event_classes:
        other = _handlers.setdefault(event_class, handler)
        if other is not handler:
            raise HandledTwice(
                f"{event_class.__name__} is handled by {other.record.__module__}."
                f"{other.record.__qualname__} and by {handler.record.__module__}."
                f"{handler.record.__qualname__}"
            )
