"""Applying webhooks, and reporting what became of each."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

from kafka_bridge import outbox
from kafka_bridge.contracts import WebhookProcessed, WebhookReceived
from kafka_bridge.handlers import Answered
from payment_project.payments import services as payments
from payment_project.payments.services import Applied, StateChange
from payment_project.webhooks.reading import Reading

Outcome = tuple[Literal["applied", "ignored", "stale"], str | None]


def process(webhooks: Sequence[Answered[WebhookReceived, Reading]]) -> None:
    """Apply the states that webhooks tell of, and publish what became of each webhook."""
    applied = payments.apply_states(
        [
            StateChange(event, reading.payment_id, reading.state)
            for event, reading in webhooks
            if reading.payment_id and reading.state
        ]
    )
    outbox.publish(*[_processed(event, reading, applied) for event, reading in webhooks])


def _processed(
    event: WebhookReceived, reading: Reading, applied: Mapping[UUID, Applied]
) -> WebhookProcessed:
    outcome, reason = _outcome(reading, applied)
    return WebhookProcessed.caused_by(
        event,
        webhook_event_id=reading.webhook_event_id,
        webhook_event_type=reading.webhook_event_type,
        outcome=outcome,
        reason=reason,
        received_at=event.timestamp,
    )


def _outcome(reading: Reading, applied: Mapping[UUID, Applied]) -> Outcome:
    if reading.payment_id is None:
        return "ignored", reading.ignored_because
    match applied[reading.payment_id]:
        case Applied.CHANGED:
            return "applied", None
        case Applied.NOTHING_NEW:
            return "stale", "nothing new about the payment"
        case Applied.UNKNOWN:
            return "ignored", "the payment is not known here"
