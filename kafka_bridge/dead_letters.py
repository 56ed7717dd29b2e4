"""Dead letters: events that can never be handled, kept with their reason until somebody decides."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat, Now

from kafka_bridge import audit, handlers, lanes, payloads
from kafka_bridge.broker import MAX_RECORD_BYTES
from kafka_bridge.contracts import Event, decode
from kafka_bridge.contracts.base import new_event_id
from kafka_bridge.contracts.topics import dead_letter_topic
from kafka_bridge.errors import (
    AlreadyReceived,
    CannotBeHandled,
    EditRefused,
    NotDead,
    storable,
    text_of,
)
from kafka_bridge.fingerprints import fingerprint_of
from kafka_bridge.handlers import handler_of
from kafka_bridge.models import InboxEvent
from kafka_bridge.outbox import OutboxRecord, publish_records
from kafka_bridge.records import Record

_LONGEST_REASON: Final = 1000
_LONGEST_KEY: Final = 255
_BATCH: Final = 500


class DeadRecord(NamedTuple):
    """A record that died, and why."""

    record: Record
    event_id: UUID
    error: BaseException


def publish_copies(dead: Sequence[DeadRecord]) -> None:
    """Publish each record as it came to its dead letter topic, with the reason in its headers."""
    publish_records([_copy(*letter) for letter in dead])


def _copy(record: Record, event_id: UUID, error: BaseException) -> OutboxRecord:
    value = record.value or b""
    reason = {
        "dlq_event_id": str(event_id),
        "dlq_error_type": type(error).__name__,
        "dlq_error": text_of(error)[:_LONGEST_REASON],
        "dlq_fingerprint": fingerprint_of(error),
        "dlq_consumer": settings.SERVICE_NAME,
        "dlq_topic": record.topic,
        "dlq_partition": str(record.partition),
        "dlq_offset": str(record.offset),
    }
    if len(value) > MAX_RECORD_BYTES:
        reason["dlq_value_omitted"] = f"{len(value)} bytes; the inbox has them"
        value = b""
    headers = record.headers
    size = sum(len(f"{name}{text}".encode()) for name, text in headers.items())
    if size > MAX_RECORD_BYTES:
        reason["dlq_headers_omitted"] = f"{size} bytes; the inbox has them"
        headers = {}
    return OutboxRecord(
        event_id=new_event_id(),
        topic=dead_letter_topic(record.topic),
        key=storable((record.key or b"").decode("utf-8", "replace"))[:_LONGEST_KEY],
        value=value,
        headers=headers | reason,
        correlation_id=event_id,
    )


class Retried(NamedTuple):
    """What became of dead events that were to be retried."""

    pending: int
    refused: dict[UUID, str]
    """Event ids that stay dead, with the reason: they would only die again."""


def retry(events: Iterable[InboxEvent], *, by: AbstractBaseUser) -> Retried:
    """Make dead events pending again, their attempts forgotten, and log it for each.

    Records that could not be read are read again, so that a new contract or handler takes them.
    """
    pending, refused = 0, {}
    for pks in _batches(events):
        with transaction.atomic():
            ready = []
            for event in _lock_dead(pks):
                try:
                    if not event.key:
                        _become(event, _readable_event(event))
                except (CannotBeHandled, AlreadyReceived) as error:
                    refused[event.event_id] = str(error)
                else:
                    ready.append(event)
            _make_pending(ready)
            audit.record(ready, by=by, what="Retried.")
            pending += len(ready)
    return Retried(pending, refused)


@transaction.atomic
def edit_and_retry(event: InboxEvent, *, value: bytes, by: AbstractBaseUser) -> None:
    """Replace a dead event's value and make it pending, logging what was changed.

    Raises:
        CannotBeHandled: the new value breaks the contract.
        EditRefused: the event has a lane already, and the new value would be of another.
        AlreadyReceived: the new value is an event that another record has brought.
        NotDead: somebody was faster.
    """
    for dead in _lock_dead([event.pk]):
        before = _bytes(dead.value)
        dead.value = value = _with_event_id(value, dead.event_id)
        edited = _readable_event(dead)
        if dead.key and (dead.key, dead.event_id) != (edited.customer_id, edited.event_id):
            raise EditRefused("eventId and customerId say which event this is: leave them")
        if dead.original_value is None:
            dead.original_value = before or b""
        _become(dead, edited)
        dead.save(update_fields=["value", "original_value"])
        _make_pending([dead])
        changed = payloads.changes(before, value, topic=dead.topic, private=False)
        what = f"Edited and retried. {'; '.join(changed) or 'No field changed.'}"
        audit.record([dead], by=by, what=what)
        return
    raise NotDead(f"event {event.event_id} is no dead letter any more")


def discard(events: Iterable[InboxEvent], *, reason: str, by: AbstractBaseUser) -> int:
    """Settle dead events without effect, for the reason given. Returns how many were dead."""
    if not reason.strip():
        raise ValueError("a discard needs a reason")
    # One at a time: whoever tells of it locks what it is about, in no order.
    return sum(_discard(event.pk, reason=reason, by=by) for event in events)


@transaction.atomic
def _discard(pk: int, *, reason: str, by: AbstractBaseUser) -> int:
    dead = _lock_dead([pk])
    InboxEvent.objects.filter(pk__in=[event.pk for event in dead]).update(
        dead_at=None,
        handled_at=Now(),
        error=Concat(Value(f"discarded: {reason}\n"), "error"),
    )
    audit.record(dead, by=by, what=f"Discarded: {reason}")
    for event in dead:
        with contextlib.suppress(CannotBeHandled):  # nobody can tell what it asked for
            handlers.discarded(_readable_event(event))
    return len(dead)


def _batches(events: Iterable[InboxEvent]) -> Iterator[list[int]]:
    pks = [event.pk for event in events]
    for start in range(0, len(pks), _BATCH):
        yield pks[start : start + _BATCH]


def _lock_dead(pks: Sequence[int]) -> list[InboxEvent]:
    dead = InboxEvent.objects.select_for_update().filter(pk__in=pks, dead_at__isnull=False)
    return list(dead.order_by("pk"))


def _readable_event(dead: InboxEvent) -> Event:
    event = decode(
        _bytes(dead.value), topic=dead.topic, partition=dead.partition, offset=dead.offset
    )
    handler_of(type(event))
    return event


def _with_event_id(value: bytes, event_id: UUID) -> bytes:
    """Name the event in a value that does not: an id made of the value would change with it."""
    try:
        content = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    if not isinstance(content, dict) or {"eventId", "event_id"} & set(content):
        return value
    return orjson.dumps({"eventId": str(event_id), **content})


def _become(dead: InboxEvent, event: Event) -> None:
    """Give a record that could not be read its place among the events."""
    others = InboxEvent.objects.filter(event_id=event.event_id).exclude(pk=dead.pk)
    if others.exists():
        raise AlreadyReceived(f"event {event.event_id} came in another record: discard this one")
    dead.key = event.customer_id
    dead.event_id = event.event_id
    dead.correlation_id = event.correlation_id or event.event_id
    dead.save(update_fields=["key", "event_id", "correlation_id"])


def _make_pending(events: Sequence[InboxEvent]) -> None:
    pks = [event.pk for event in events]
    InboxEvent.objects.filter(pk__in=pks).update(dead_at=None, attempts=0)
    lanes.open_for({event.key for event in events})


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
