"""Passing webhooks on."""

from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from django.db import connection
from django.utils import timezone

from customer_project.payments import selectors
from kafka_bridge import outbox
from kafka_bridge.contracts import Topic, WebhookReceived
from kafka_bridge.ids import uuid_or_none

_WEBHOOK_EVENTS: Final = UUID("0d5f1f0e-6f43-5c7a-8a55-737472697065")


_COUNT: Final = """
INSERT INTO webhooks_refuseddelivery (reason, hour, count) VALUES (%s, %s, 1)
ON CONFLICT (reason, hour) DO UPDATE SET count = webhooks_refuseddelivery.count + 1
"""


class _About(NamedTuple):
    """Whose lane a webhook goes to, and which trace it is of."""

    customer_id: str
    correlation_id: UUID | None


def count_refusal(reason: str) -> None:
    """Count a delivery that was refused, where operators see it."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [reason, hour])


def receive(*, webhook_event: dict[str, Any], body: bytes, signature: str) -> bool:
    """Store a verified webhook for the payment service. Returns False if it was stored before."""
    return outbox.publish_once(_webhook_received(webhook_event, body, signature))


def _webhook_received(
    webhook_event: dict[str, Any], body: bytes, signature: str
) -> WebhookReceived:
    about = _about(webhook_event)
    return WebhookReceived(
        event_type=Topic.STRIPE_WEBHOOK_RECEIVED,
        event_id=uuid5(_WEBHOOK_EVENTS, webhook_event["id"]),
        correlation_id=about.correlation_id,
        customer_id=about.customer_id[:255],  # metadata may be somebody else's, and long
        webhook_event_id=webhook_event["id"][:255],
        webhook_event_type=str(webhook_event.get("type") or "")[:255],
        raw_payload=body.decode(),
        signature=signature,
        webhook_event=webhook_event,
    )


def _about(webhook_event: dict[str, Any]) -> _About:
    """Find out by our own metadata, then by our payment: a refund or dispute has no metadata."""
    data: dict[str, Any] = webhook_event.get("data") or {}
    about: dict[str, Any] = data.get("object") or {}
    metadata = about.get("metadata") or _subscriptions_metadata(about)
    correlation_id = uuid_or_none(metadata.get("correlation_id"))
    if customer_id := metadata.get("customer_id"):
        return _About(str(customer_id), correlation_id)
    if payment := selectors.payment_of_intent(_intent_id(about)):
        return _About(str(payment.customer_id), payment.correlation_id)
    return _About(_stripe_customer(data, about) or webhook_event["id"], correlation_id)


def _subscriptions_metadata(invoice: dict[str, Any]) -> dict[str, Any]:
    """An invoice shows the metadata that its subscription had when it was made."""
    parent = invoice.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    return details.get("metadata") or {} if isinstance(details, dict) else {}


def _stripe_customer(data: dict[str, Any], about: dict[str, Any]) -> str:
    """All that happens to a Customer and its cards comes in one lane, if not in a customer's."""
    if about.get("object") == "customer":
        return str(about.get("id") or "")
    before = data.get("previous_attributes") or {}  # of a card that was just detached
    customer = about.get("customer") or before.get("customer")
    return customer if isinstance(customer, str) else ""


def _intent_id(about: dict[str, Any]) -> str:
    is_intent = about.get("object") == "payment_intent"
    intent = about.get("id") if is_intent else about.get("payment_intent")
    return intent if isinstance(intent, str) else ""
