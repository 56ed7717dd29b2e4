"""Reading the outbox and the inbox: what is behind, and what is dead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import Count, Max, Min, Q, QuerySet

from kafka_bridge.models import InboxEvent, OutboxEvent

_INBOX_BACKLOG: Final = """
WITH pending AS (
    SELECT topic, partition, count(*) AS pending,
        count(*) FILTER (WHERE lease IS NULL AND available_at > clock_timestamp()) AS parked
    FROM kafka_bridge_inboxevent AS event LEFT JOIN kafka_bridge_lane AS lane USING (key)
    WHERE handled_at IS NULL AND dead_at IS NULL GROUP BY topic, partition
), dead AS (
    SELECT topic, partition, count(*) AS dead
    FROM kafka_bridge_inboxevent WHERE dead_at IS NOT NULL GROUP BY topic, partition
)
SELECT topic, partition, coalesce(pending, 0), coalesce(parked, 0), coalesce(dead, 0)
FROM pending FULL JOIN dead USING (topic, partition) ORDER BY topic, partition
"""
# Each count reads nothing but a partial index.
_INBOX_TOTALS: Final = """
SELECT
    (SELECT count(*) FROM kafka_bridge_inboxevent WHERE handled_at IS NULL AND dead_at IS NULL),
    (SELECT count(*) FROM kafka_bridge_inboxevent
        WHERE handled_at IS NULL AND dead_at IS NULL AND key IN (
            SELECT key FROM kafka_bridge_lane
            WHERE lease IS NULL AND available_at > clock_timestamp())),
    (SELECT count(*) FROM kafka_bridge_inboxevent WHERE dead_at IS NOT NULL)
"""
_OUTBOX_BACKLOG: Final = """
SELECT count(*), extract(epoch FROM clock_timestamp() - min(created_at))::float
FROM kafka_bridge_outboxevent WHERE published_at IS NULL
"""


LARGE_FIELDS: Final = ("value", "original_value", "headers", "traceback")
"""Fields of an inbox event that no list shows."""


class InboxBacklog(NamedTuple):
    """How many events of a partition are not handled, by what they wait for."""

    topic: str
    partition: int
    pending: int
    """To be handled, the parked ones among them."""
    parked: int
    """In a lane that waits for a retry."""
    dead: int


class InboxTotals(NamedTuple):
    """`InboxBacklog`'s counts over all partitions."""

    pending: int
    parked: int
    dead: int


class OutboxBacklog(NamedTuple):
    """What the relay has not brought to the broker."""

    unpublished: int
    oldest_seconds: float
    """The age of the oldest; 0 if there is none."""


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Dead events that failed alike."""

    fingerprint: str
    events: int
    first_at: datetime
    last_at: datetime
    topics: list[str]
    example: InboxEvent
    """The latest."""


def inbox_backlog() -> list[InboxBacklog]:
    """Count what is pending, parked and dead of each partition that has any."""
    with connection.cursor() as cursor:
        cursor.execute(_INBOX_BACKLOG)
        return [InboxBacklog(*row) for row in cursor.fetchall()]


def inbox_totals() -> InboxTotals:
    """Count what is pending, parked and dead in all."""
    with connection.cursor() as cursor:
        cursor.execute(_INBOX_TOTALS)
        return InboxTotals(*cursor.fetchone())


def outbox_backlog() -> OutboxBacklog:
    """Count what waits for the relay."""
    with connection.cursor() as cursor:
        cursor.execute(_OUTBOX_BACKLOG)
        unpublished, oldest = cursor.fetchone()
    return OutboxBacklog(unpublished, round(oldest or 0.0, 3))


def dead_letters(
    *, fingerprint: str = "", topic: str = "", event_ids: Sequence[UUID] = ()
) -> QuerySet[InboxEvent]:
    """Find dead events, the latest first: all, or those that match all that is given."""
    found = InboxEvent.objects.filter(dead_at__isnull=False).order_by("-dead_at", "-pk")
    if fingerprint:
        found = found.filter(fingerprint=fingerprint)
    if topic:
        found = found.filter(topic=topic)
    if event_ids:
        found = found.filter(event_id__in=event_ids)
    return found


def dead_letter_topics() -> list[str]:
    """List the topics that have dead events."""
    dead = InboxEvent.objects.filter(dead_at__isnull=False)
    return list(dead.order_by("topic").values_list("topic", flat=True).distinct())


def related(row: InboxEvent | OutboxEvent, *, limit: int = 50) -> list[InboxEvent | OutboxEvent]:
    """Find what came in and went out with an event, itself included, the earliest first.

    That is what shares its correlation id; and copies of dead letters, correlated with what died.
    """
    ids = {row.correlation_id, row.event_id}
    received = InboxEvent.objects.filter(Q(correlation_id__in=ids) | Q(event_id__in=ids))
    written = OutboxEvent.objects.filter(correlation_id__in=ids)
    rows: list[InboxEvent | OutboxEvent] = [
        *received.defer(*LARGE_FIELDS).order_by("pk")[:limit],
        *written.defer("value", "headers").order_by("pk")[:limit],
    ]
    return sorted(rows, key=entered_at)


def entered_at(row: InboxEvent | OutboxEvent) -> datetime:
    """Return when an event came into the inbox or the outbox."""
    return row.received_at if isinstance(row, InboxEvent) else row.created_at


def dead_letter_groups(found: QuerySet[InboxEvent], *, limit: int = 200) -> list[DeadLetterGroup]:
    """Group dead events by how they failed, the groups with the latest failures first."""
    rows = list(
        found.order_by()
        .values_list("fingerprint")
        .annotate(
            Count("pk"),
            Min("dead_at"),
            latest=Max("dead_at"),
            topics=ArrayAgg("topic", distinct=True),
            example=Max("pk"),
        )
        .order_by("-latest")[:limit]
    )
    examples = InboxEvent.objects.defer(*LARGE_FIELDS).in_bulk([row[-1] for row in rows])
    return [
        DeadLetterGroup(fingerprint, events, first_at, last_at, topics, examples[example])
        for fingerprint, events, first_at, last_at, topics, example in rows
        if example in examples
    ]
