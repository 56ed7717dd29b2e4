"""Keeping which asks are answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kafka_bridge.contracts import (
    CardPaymentAnswered,
    CardPaymentRequested,
    Event,
    PaymentStatusUpdated,
    PaymentUpdateRequested,
    SubscriptionAnswered,
    SubscriptionRequested,
    SubscriptionStatusUpdated,
    SubscriptionUpdateRequested,
    WebhookProcessed,
    WebhookReceived,
)

_ASKS: Final = (
    CardPaymentRequested,
    PaymentUpdateRequested,
    SubscriptionRequested,
    SubscriptionUpdateRequested,
    WebhookReceived,
)
_ANSWERS: Final = (
    CardPaymentAnswered,
    PaymentStatusUpdated,
    SubscriptionAnswered,
    SubscriptionStatusUpdated,
    WebhookProcessed,
)
NOTED: Final[frozenset[type[Event]]] = frozenset(_ASKS + _ANSWERS)

# In the order of the ids, so that two batches cannot wait for each other.
_NOTE: Final = """
INSERT INTO timeline_ask (event_id, topic, customer_id, correlation_id, asked_at, answered_at)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::timestamptz[],
                     %s::timestamptz[]) AS new (event_id)
ORDER BY event_id
ON CONFLICT (event_id) DO UPDATE SET
    topic = greatest(timeline_ask.topic, EXCLUDED.topic),
    customer_id = CASE WHEN EXCLUDED.asked_at IS NULL THEN timeline_ask.customer_id
        ELSE EXCLUDED.customer_id END,
    correlation_id = CASE WHEN EXCLUDED.asked_at IS NULL THEN timeline_ask.correlation_id
        ELSE EXCLUDED.correlation_id END,
    asked_at = coalesce(timeline_ask.asked_at, EXCLUDED.asked_at),
    answered_at = least(timeline_ask.answered_at, EXCLUDED.answered_at)
"""


def note(events: Sequence[Event]) -> None:
    """Note what is asked and answered, by envelopes and actions. A repetition changes nothing."""
    asks: dict[UUID, list[Any]] = {}
    for event in events:
        if _must_be_answered(event):
            correlation_id = str(event.correlation_id or event.event_id)
            row = _row(asks, event.event_id)
            row[1:5] = [event.topic.value, event.customer_id, correlation_id, event.timestamp]
        elif isinstance(event, _ANSWERS) and event.causation_id:
            row = _row(asks, event.causation_id)
            row[5] = _earlier(row[5], event.timestamp)
    if asks:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, [list(column) for column in zip(*asks.values(), strict=True)])


def _must_be_answered(event: Event) -> bool:
    if isinstance(event, PaymentUpdateRequested | SubscriptionUpdateRequested):
        return event.action != "refresh"  # which is told only if there is news
    return isinstance(event, _ASKS)


def _row(asks: dict[UUID, list[Any]], event_id: UUID) -> list[Any]:
    # An answer may tell of another correlation: whose an ask is, only the ask says.
    return asks.setdefault(event_id, [str(event_id), "", "", str(event_id), None, None])


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return min(one, other) if one else other
