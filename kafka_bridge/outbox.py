"""The outbox: an event leaves if and only if the transaction that tells of it commits."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import psycopg2
from django.db import connection, transaction

from kafka_bridge.broker import MAX_RECORD_BYTES
from kafka_bridge.contracts import Event
from kafka_bridge.errors import EventTooLarge, PublishedOutsideTransaction
from kafka_bridge.models import OutboxEvent
from kafka_bridge.tracing import traceparent

SHARDS: Final = 16
"""How many relays can work side by side. Changing it needs an outbox with nothing unpublished."""

CHANNEL: Final = "kafka_bridge_outbox"
"""What PostgreSQL notifies the relay on."""

_KEY_LOCKS: Final = 0x0B0C
"""The class of the advisory locks on keys (`pg_locks.classid`)."""

_LOCK_KEYS: Final = """
SELECT count(pg_advisory_xact_lock(%s, key_hash)) FROM unnest(%s::int[]) AS key_hash
"""
_INSERT: Final = """
INSERT INTO kafka_bridge_outboxevent
    (event_id, topic, key, shard, value, headers, correlation_id, created_at)
SELECT event_id, topic, key, shard, value, headers, correlation_id, clock_timestamp()
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::smallint[], %s::bytea[], %s::jsonb[],
            %s::uuid[])
    WITH ORDINALITY
    AS event (event_id, topic, key, shard, value, headers, correlation_id, position)
ORDER BY position
"""
_INSERT_MISSING: Final = f"{_INSERT} ON CONFLICT (event_id) DO NOTHING"


class OutboxRecord(NamedTuple):
    """A record for the outbox, before it has a row."""

    event_id: UUID
    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str]
    correlation_id: UUID


def publish(*events: Event) -> None:
    """Publish events with the current transaction: all of it happens, or none.

    Events of one customer leave in the order in which they were published: writers of one key wait
    for each other from here to their commit. Publish once, at the end of a transaction.

    Raises:
        PublishedOutsideTransaction: no transaction is open.
        EventTooLarge: an event is larger than the broker takes.
    """
    publish_records([_outbox_record(event) for event in events])


def publish_once(event: Event) -> bool:
    """Publish an event, unless one with its id was published before. Returns whether it is new.

    Where no transaction is open, it is one of its own: statements that PostgreSQL gets together are
    (https://www.postgresql.org/docs/18/protocol-flow.html).

    Raises:
        EventTooLarge: the event is larger than the broker takes.
    """
    return _insert([_outbox_record(event)], _INSERT_MISSING) == 1


def is_published(event_id: UUID) -> bool:
    """Tell whether an event with this id was published, as far back as the outbox is kept."""
    return OutboxEvent.objects.filter(event_id=event_id).exists()


def publish_records(records: Sequence[OutboxRecord]) -> None:
    """Publish what is not an event, such as the copy of a broken record. See `publish`."""
    if not connection.in_atomic_block:
        raise PublishedOutsideTransaction("publish needs transaction.atomic() around it")
    if records:
        _insert(records, _INSERT)


def _insert(records: Sequence[OutboxRecord], statement: str) -> int:
    for record in records:
        if len(record.value) > MAX_RECORD_BYTES:
            raise EventTooLarge(
                f"{record.topic} event {record.event_id} has {len(record.value)} bytes, "
                f"the limit is {MAX_RECORD_BYTES}"
            )
    hashes = [zlib.crc32(record.key.encode()) for record in records]
    columns: list[list[Any]] = [
        [record.event_id for record in records],
        [record.topic for record in records],
        [record.key for record in records],
        [key_hash % SHARDS for key_hash in hashes],
        [psycopg2.Binary(record.value) for record in records],
        [orjson.dumps(record.headers).decode() for record in records],
        [record.correlation_id for record in records],
    ]
    # Locks are taken in one order everywhere, and the rows get their ids after them.
    locks = [_as_int4(key_hash) for key_hash in sorted(set(hashes))]
    with connection.cursor() as cursor:
        # What comes last says how many rows it inserted.
        cursor.execute(f"{_LOCK_KEYS}; {statement}", [_KEY_LOCKS, locks, *columns])
        inserted = int(cursor.rowcount)
    transaction.on_commit(_notify, robust=True)
    return inserted


def _notify() -> None:
    """Wake the relay, which would look by itself a second later.

    Not in the transaction: one that notifies holds a lock of the whole server until its commit is
    on the disk, so that all of them would wait for each other's disk.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")


def _outbox_record(event: Event) -> OutboxRecord:
    return OutboxRecord(
        event_id=event.event_id,
        topic=event.topic,
        key=event.customer_id,
        value=event.to_json(),
        headers=_headers(event),
        correlation_id=event.correlation_id or event.event_id,
    )


def _headers(event: Event) -> dict[str, str]:
    # CloudEvents' attributes in Kafka's binary mode:
    # https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
    return {
        "ce_specversion": "1.0",
        "ce_id": str(event.event_id),
        "ce_type": event.topic,
        "ce_source": event.source,
        "ce_time": event.timestamp.isoformat(),
        "content-type": "application/json",
        "traceparent": traceparent(event),
    }


def _as_int4(unsigned: int) -> int:
    return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned
