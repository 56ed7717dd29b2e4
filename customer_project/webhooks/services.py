"""Passing webhooks on."""

from typing import Any, Final
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from kafka_bridge import outbox
from kafka_bridge.contracts import Topic, WebhookReceived

_WEBHOOK_EVENTS: Final = UUID("0d5f1f0e-6f43-5c7a-8a55-737472697065")


def receive(*, webhook_event: dict[str, Any], body: bytes, signature: str) -> bool:
    """Store a verified webhook for the payment service. Returns False if it was stored before."""
    received = _webhook_received(webhook_event, body, signature)
    try:
        with transaction.atomic():
            outbox.publish(received)
    except IntegrityError:
        return False
    return True


def _webhook_received(
    webhook_event: dict[str, Any], body: bytes, signature: str
) -> WebhookReceived:
    about: dict[str, Any] = webhook_event["data"]["object"]
    metadata: dict[str, str] = about.get("metadata") or {}
    return WebhookReceived(
        event_type=Topic.STRIPE_WEBHOOK_RECEIVED,
        event_id=uuid5(_WEBHOOK_EVENTS, webhook_event["id"]),
        correlation_id=_uuid(metadata.get("correlation_id")),
        customer_id=_customer_id(webhook_event)[:255],  # metadata may be somebody else's, and long
        raw_payload=body.decode(),
        signature=signature,
        webhook_event=webhook_event,
    )


def _customer_id(webhook_event: dict[str, Any]) -> str:
    about: dict[str, Any] = webhook_event["data"]["object"]
    ours = (about.get("metadata") or {}).get("customer_id")
    return str(ours or about.get("customer") or webhook_event["id"])


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None  # metadata that somebody else wrote
