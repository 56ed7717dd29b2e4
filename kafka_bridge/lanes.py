"""Lanes: the inbox as one queue a key, each worked by one worker at a time, in order.

While a key has a pending event, it has a lane. What a lane holds is never handled out of order; a
retry makes its own lane wait and nobody else's. Whoever takes a lane gets a lease, and must still
hold it to record what it did, so that a worker believed dead can do no harm when it comes back.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

from kafka_bridge.records import Record

LEASE: Final = timedelta(seconds=20)
"""How long a lane stays with a worker that says nothing; a living one renews its leases."""

_OPEN_AMONG: Final = "SELECT key FROM kafka_bridge_lane WHERE key = ANY(%s)"

# On conflict the row is locked, not skipped: whoever is about to delete the lane, having seen
# nothing pending, is waited for, and the lane is then made anew.
_OPEN: Final = """
INSERT INTO kafka_bridge_lane (key, available_at)
SELECT key, clock_timestamp() FROM unnest(%s::text[]) AS key
ON CONFLICT (key) DO UPDATE SET key = EXCLUDED.key
"""
# What is due in more than an hour became so by a database's clock that was ahead, and is put right.
_CLAIM: Final = """
WITH due AS (
    SELECT key FROM kafka_bridge_lane WHERE available_at <= clock_timestamp()
    ORDER BY available_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), ahead AS (
    SELECT key FROM kafka_bridge_lane WHERE available_at > clock_timestamp() + interval '1 hour'
    ORDER BY available_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), claimed AS (
    SELECT key FROM due UNION ALL SELECT key FROM ahead LIMIT %(limit)s
)
UPDATE kafka_bridge_lane
SET lease = %(lease)s, available_at = clock_timestamp() + %(time)s::interval
FROM claimed WHERE kafka_bridge_lane.key = claimed.key RETURNING kafka_bridge_lane.key
"""
# A statement of its own, which sees what was settled while the claim waited for its turn: in the
# claim itself, an event that another worker has just handled would still be pending.
_FIRST_PENDING: Final = """
SELECT event.id, event.key, event.event_id, event.topic, event.partition, event."offset",
    event.value, event.headers, event.attempts, event.received_at,
    clock_timestamp() - event.received_at
FROM unnest(%s::text[]) AS claimed (key) CROSS JOIN LATERAL (
    SELECT * FROM kafka_bridge_inboxevent AS event
    WHERE event.key = claimed.key AND handled_at IS NULL AND dead_at IS NULL
    ORDER BY event.id LIMIT 1
) AS event
"""
_RENEW: Final = """
WITH ours AS (
    SELECT key FROM kafka_bridge_lane WHERE key = ANY(%s) AND lease = ANY(%s::uuid[])
    ORDER BY key COLLATE "C" FOR UPDATE
)
UPDATE kafka_bridge_lane SET available_at = clock_timestamp() + %s::interval
FROM ours WHERE kafka_bridge_lane.key = ours.key
"""
_LOCK: Final = """
SELECT key, lease FROM kafka_bridge_lane WHERE key = ANY(%s) ORDER BY key COLLATE "C" FOR UPDATE
"""
_CLOSE_EMPTY: Final = """
DELETE FROM kafka_bridge_lane WHERE key = ANY(%s) AND NOT EXISTS (
    SELECT FROM kafka_bridge_inboxevent AS event
    WHERE event.key = kafka_bridge_lane.key AND handled_at IS NULL AND dead_at IS NULL
)
"""
_RELEASE: Final = """
UPDATE kafka_bridge_lane
SET lease = NULL, available_at = clock_timestamp() + wait, waits_for = reason
FROM unnest(%s::text[], %s::interval[], %s::text[]) AS released (lane_key, wait, reason)
WHERE key = lane_key
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The first pending event of a lane, and the lease under which it may be handled."""

    inbox_id: int
    key: str
    event_id: UUID
    record: Record
    attempts: int
    received_at: datetime
    age: timedelta
    lease: UUID


class Wait(NamedTuple):
    """For how long a lane is parked, and why."""

    time: timedelta
    reason: str


NO_WAIT: Final = Wait(timedelta(), "")


class _PendingRow(NamedTuple):
    id: int
    key: str
    event_id: UUID
    topic: str
    partition: int
    offset: int
    value: memoryview | None
    headers: str
    attempts: int
    received_at: datetime
    age: timedelta


def open_among(keys: Iterable[str]) -> set[str]:
    """Tell which of the keys have pending events."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_AMONG, [list(keys)])
        return {key for (key,) in cursor.fetchall()}


def open_for(keys: Collection[str]) -> None:
    """Give each key a lane that is due now, in the transaction that makes its events pending."""
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(_OPEN, [sorted(keys)])  # in the order of _LOCK


def claim(limit: int) -> list[Claim]:
    """Take up to `limit` lanes that are due, the longest waiting first, for the time of a lease."""
    lease = uuid.uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"limit": limit, "lease": lease, "time": str(LEASE)})
        keys = [key for (key,) in cursor.fetchall()]
        if not keys:
            return []
        cursor.execute(_FIRST_PENDING, [keys])
        rows = [_PendingRow(*row) for row in cursor.fetchall()]
    return [
        Claim(
            inbox_id=row.id,
            key=row.key,
            event_id=row.event_id,
            record=Record(
                topic=row.topic,
                partition=row.partition,
                offset=row.offset,
                key=row.key.encode(),
                value=None if row.value is None else bytes(row.value),
                headers=orjson.loads(row.headers),
            ),
            attempts=row.attempts,
            received_at=row.received_at,
            age=row.age,
            lease=lease,
        )
        for row in rows
    ]


def renew(claims: Collection[Claim]) -> None:
    """Keep the lanes for the time of another lease. What is no longer ours stays with its owner."""
    leases = [claim.lease for claim in claims]
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [[claim.key for claim in claims], leases, str(LEASE)])


def hold(claims: Iterable[Claim]) -> list[Claim]:
    """Lock the claims' lanes until the transaction ends. Returns those that are still leased."""
    claims = list(claims)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [[claim.key for claim in claims]])
        leases = dict(cursor.fetchall())
    return [claim for claim in claims if leases.get(claim.key) == claim.lease]


def release(waits: Mapping[str, Wait]) -> None:
    """Give held lanes back, each due after its wait. Those with nothing pending are closed.

    Call `hold` before, in the same transaction.
    """
    keys = list(waits)
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE_EMPTY, [keys])
        if cursor.rowcount < len(keys):
            times = [wait.time for wait in waits.values()]
            reasons = [wait.reason for wait in waits.values()]
            cursor.execute(_RELEASE, [keys, times, reasons])
