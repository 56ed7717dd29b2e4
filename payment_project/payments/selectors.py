"""Reading payments, and what happened to them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from kafka_bridge.contracts import (
    Event,
    PaymentOutcome,
    PaymentUpdateRequested,
    WebhookProcessed,
    WebhookReceived,
)
from kafka_bridge.models import InboxEvent, OutboxEvent
from kafka_bridge.payloads import event_in
from kafka_bridge.selectors import entered_at
from payment_project.payments.models import Dispute, Payment, Refund

_MOST_HOPS: Final = 200

# One look at the index a value, where DISTINCT reads every row.
_VALUES: Final = {
    column: f"""
WITH RECURSIVE found (value) AS (
    (SELECT {column} FROM payments_payment WHERE {column} > '' ORDER BY {column} LIMIT 1)
    UNION ALL
    SELECT (
        SELECT {column} FROM payments_payment
        WHERE {column} > '' AND {column} > found.value ORDER BY {column} LIMIT 1
    ) FROM found WHERE found.value IS NOT NULL
)
SELECT value FROM found WHERE value IS NOT NULL
"""  # noqa: S608 - the columns are those below
    for column in ("currency", "decline_code")
}


@dataclass(frozen=True, slots=True)
class Hop:
    """An event of a payment's history, as it came in or went out here."""

    at: datetime
    row: InboxEvent | OutboxEvent
    what: str
    """What it says of the payment, in a few words; nothing private."""


def values_of(column: Literal["currency", "decline_code"]) -> list[str]:
    """List the values that a column of payments has, however many payments there are."""
    with connection.cursor() as cursor:
        cursor.execute(_VALUES[column])
        return [value for (value,) in cursor.fetchall()]


def payment_of_stripes(stripe_id: str) -> UUID | None:
    """Return the payment that a refund or dispute of Stripe's is about, if it is known here."""
    found: QuerySet[Any]
    if stripe_id.startswith("re_"):
        found = Refund.objects.filter(stripe_refund_id=stripe_id)
    elif stripe_id.startswith(("dp_", "du_")):
        found = Dispute.objects.filter(id=stripe_id)
    else:
        return None
    return found.values_list("payment_id", flat=True).first()


def timeline(payment: Payment) -> list[Hop]:
    """List what came in and went out for a payment, the earliest first."""
    of_payment = Q(correlation_id=payment.correlation_id)
    received = InboxEvent.objects.filter(of_payment | Q(event_id=payment.request_event_id))
    published = OutboxEvent.objects.filter(of_payment)
    rows: list[InboxEvent | OutboxEvent] = [
        *received.defer("original_value", "headers", "traceback").order_by("pk")[:_MOST_HOPS],
        *published.defer("headers").order_by("pk")[:_MOST_HOPS],
    ]
    hops = [Hop(entered_at(row), row, _what(row)) for row in rows]
    return sorted(hops, key=lambda hop: hop.at)


def _what(row: InboxEvent | OutboxEvent) -> str:
    value = None if row.value is None else bytes(row.value)
    return _said_by(event_in(value, topic=row.topic))


def _said_by(event: Event | None) -> str:
    match event:
        case PaymentOutcome():
            return f"{event.status}, revision {event.revision}"
        case PaymentUpdateRequested():
            return " ".join(
                str(part) for part in (event.action, event.amount, event.reason) if part
            )
        case WebhookReceived():
            return str(event.webhook_event.get("type", ""))
        case WebhookProcessed():
            return f"{event.webhook_event_type}: {event.outcome}"
    return ""
