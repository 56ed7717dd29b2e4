"""What happened to a payment or a subscription, as the inbox and the outbox still have it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from django.db.models import Q

from kafka_bridge.contracts import (
    Event,
    PaymentOutcome,
    PaymentUpdateRequested,
    SubscriptionPaymentUpdated,
    SubscriptionUpdateRequested,
    WebhookProcessed,
    WebhookReceived,
)
from kafka_bridge.contracts.subscriptions import SubscriptionState
from kafka_bridge.models import InboxEvent, OutboxEvent
from kafka_bridge.payloads import event_in
from kafka_bridge.selectors import entered_at

_MOST_HOPS: Final = 200


class HasHistory(Protocol):
    """Whatever a request made, and events tell of under one correlation."""

    correlation_id: UUID
    request_event_id: UUID


@dataclass(frozen=True, slots=True)
class Hop:
    """An event of a history, as it came in or went out here."""

    at: datetime
    row: InboxEvent | OutboxEvent
    what: str
    """What it says, in a few words; nothing private."""


def timeline(row: HasHistory) -> list[Hop]:
    """List what came in and went out for a payment or subscription, the earliest first."""
    of_row = Q(correlation_id=row.correlation_id)
    received = InboxEvent.objects.filter(of_row | Q(event_id=row.request_event_id))
    published = OutboxEvent.objects.filter(of_row)
    rows: list[InboxEvent | OutboxEvent] = [
        *received.defer("original_value", "headers", "traceback").order_by("pk")[:_MOST_HOPS],
        *published.defer("headers").order_by("pk")[:_MOST_HOPS],
    ]
    hops = [Hop(entered_at(one), one, _what(one)) for one in rows]
    return sorted(hops, key=lambda hop: hop.at)


def _what(row: InboxEvent | OutboxEvent) -> str:
    value = None if row.value is None else bytes(row.value)
    return _said_by(event_in(value, topic=row.topic))


def _said_by(event: Event | None) -> str:
    match event:
        case PaymentOutcome() | SubscriptionState():
            return f"{event.status}, revision {event.revision}"
        case SubscriptionPaymentUpdated():
            back = f", {event.amount_refunded} back" if event.amount_refunded else ""
            return f"{event.invoice_id} {event.status}{back}, revision {event.revision}"
        case PaymentUpdateRequested() | SubscriptionUpdateRequested():
            return _asked_by(event)
        case WebhookReceived():
            return str(event.webhook_event.get("type", ""))
        case WebhookProcessed():
            return f"{event.webhook_event_type}: {event.outcome}"
    return ""


def _asked_by(event: PaymentUpdateRequested | SubscriptionUpdateRequested) -> str:
    if isinstance(event, SubscriptionUpdateRequested):
        return f"{event.action} at period end" if event.at_period_end else event.action
    return " ".join(str(part) for part in (event.action, event.amount, event.reason) if part)
