"""The inbox: every record is stored before its offset is committed, and each event counts once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg2
import structlog
from django.db import connection, transaction

from kafka_bridge import dead_letters, lanes
from kafka_bridge.contracts import Event
from kafka_bridge.database import is_away
from kafka_bridge.errors import CannotBeHandled, LaneOpened, text_of
from kafka_bridge.fingerprints import fingerprint_of
from kafka_bridge.handlers import handler_of, has_calls, is_watched, watch
from kafka_bridge.records import Record

logger = structlog.get_logger(__name__)

_INSERT: Final = """
INSERT INTO kafka_bridge_inboxevent
    (event_id, topic, partition, "offset", key, value, headers, correlation_id, received_at,
     handled_at, dead_at, attempts, error_type, error, traceback, fingerprint)
SELECT event_id, topic, partition, "offset", key, value, headers, correlation_id, clock_timestamp(),
    CASE WHEN handled THEN clock_timestamp() END,
    CASE WHEN error_type <> '' THEN clock_timestamp() END, 0, error_type, error, '',
    fingerprint
FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::bigint[], %s::text[], %s::bytea[], %s::jsonb[],
            %s::uuid[], %s::bool[], %s::text[], %s::text[], %s::text[])
    WITH ORDINALITY
    AS record (event_id, topic, partition, "offset", key, value, headers, correlation_id,
               handled, error_type, error, fingerprint, position)
ORDER BY position
ON CONFLICT (event_id) DO NOTHING
RETURNING event_id
"""

_HAS_PENDING: Final = """
SELECT FROM kafka_bridge_inboxevent WHERE handled_at IS NULL AND dead_at IS NULL OFFSET %s LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record with the event it holds, or with the reason why it can never be handled."""

    record: Record
    event_id: UUID
    event: Event | None = None
    error: CannotBeHandled | None = None

    @property
    def key(self) -> str:
        """The lane that the event belongs to. Dead records have none."""
        return self.event.customer_id if self.event else ""

    @property
    def correlation_id(self) -> UUID:
        """The correlation id; a record that came without one begins its own."""
        return (self.event and self.event.correlation_id) or self.event_id


def receive(records: Sequence[Record]) -> int:
    """Store a batch of records, each event once, and do what needs nothing but the database.

    Records that break their contract are dead at once. If this service's handlers do I/O, every
    event gets a lane. If not, events are handled here, but for those behind a pending event of
    their customer; should a handler fail, the whole batch goes to lanes, which sort it out.

    Dead letters, of whatever service, go to those who watch them, and need no place in the inbox.
    Safe to repeat with the same records. Returns how many lanes have new work.
    """
    if watched := [record for record in records if is_watched(record.topic)]:
        with transaction.atomic():
            watch(watched)
    arrivals = [_arrival(record) for record in records if not is_watched(record.topic)]
    if not has_calls():
        try:
            with transaction.atomic():
                return _store(arrivals, handle=True)
        except Exception as error:
            if is_away(error):
                raise
            # Whatever it is, its lane will meet it again.
            logger.info("batch_goes_to_lanes", records=len(records), error=text_of(error))
    with transaction.atomic():
        return _store(arrivals, handle=False)


def has_pending(count: int) -> bool:
    """Tell whether at least `count` events are pending. Costs a read of that many index entries."""
    with connection.cursor() as cursor:
        cursor.execute(_HAS_PENDING, [count - 1])
        return cursor.fetchone() is not None


def _arrival(record: Record) -> Arrival:
    try:
        event = record.event()
        handler_of(type(event))
    except CannotBeHandled as error:
        return Arrival(record, record.derived_event_id, error=error)
    return Arrival(record, event.event_id, event=event)


def _store(arrivals: Sequence[Arrival], *, handle: bool) -> int:
    keys = {arrival.key for arrival in arrivals if arrival.event}
    waiting = lanes.open_among(keys) if handle else keys
    stored = _insert(arrivals, waiting=waiting)
    # Repeated records may be in the hands of a slower consumer, whom the insert has just waited
    # for: what it left to lanes comes before what is new here.
    if handle and len(stored) < len(arrivals) and lanes.open_among(keys) - waiting:
        raise LaneOpened("another consumer left events of this batch to their lanes")
    new = [arrival for arrival in arrivals if stored.pop(arrival.event_id, False)]
    events = [arrival.event for arrival in new if arrival.event]
    # Lanes are locked before what handlers lock, and that before the keys of the outbox: settling
    # an event of a lane has no other choice.
    to_open = {event.customer_id for event in events if event.customer_id in waiting}
    lanes.open_for(to_open)
    for wave in waves([event for event in events if event.customer_id not in waiting]):
        _handle(wave)
    dead_letters.publish_copies(
        [
            dead_letters.DeadRecord(arrival.record, arrival.event_id, arrival.error)
            for arrival in new
            if arrival.error
        ]
    )
    return len(to_open)


def _insert(arrivals: Sequence[Arrival], *, waiting: set[str]) -> dict[UUID, bool]:
    records = [arrival.record for arrival in arrivals]
    columns: list[Any] = [
        [str(arrival.event_id) for arrival in arrivals],
        [record.topic for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
        [arrival.key for arrival in arrivals],
        [None if record.value is None else psycopg2.Binary(record.value) for record in records],
        [orjson.dumps(record.headers).decode() for record in records],
        [str(arrival.correlation_id) for arrival in arrivals],
        [arrival.event is not None and arrival.key not in waiting for arrival in arrivals],
        [type(arrival.error).__name__ if arrival.error else "" for arrival in arrivals],
        [text_of(arrival.error) if arrival.error else "" for arrival in arrivals],
        [fingerprint_of(arrival.error) if arrival.error else "" for arrival in arrivals],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        return {event_id: True for (event_id,) in cursor.fetchall()}


def waves(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Split events so that no wave holds two of one customer, and theirs stay in order."""
    split: list[list[Event]] = []
    seen: dict[str, int] = {}
    for event in events:
        number = seen.get(event.customer_id, 0)
        seen[event.customer_id] = number + 1
        if number == len(split):
            split.append([])
        split[number].append(event)
    yield from split


def _handle(wave: Sequence[Event]) -> None:
    by_class: dict[type[Event], list[Event]] = {}
    for event in wave:
        by_class.setdefault(type(event), []).append(event)
    for event_class, events in by_class.items():
        handler_of(event_class).record(events)
