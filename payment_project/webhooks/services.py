"""Applying webhooks, and reporting what became of each."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from uuid import UUID, uuid5

from kafka_bridge import outbox
from kafka_bridge.contracts import PaymentUpdateRequested, WebhookProcessed, WebhookReceived
from kafka_bridge.handlers import Answered
from payment_project.payments import services as payments
from payment_project.payments.services import Applied, StateChange
from payment_project.stripe_gateway.states import IntentState, Origin
from payment_project.webhooks.reading import Reading

Outcome = tuple[Literal["applied", "ignored", "stale"], str | None]

_PASSED_ON: Final = UUID("5a1de2f4-55a5-5d52-8f4d-706173736564")


def process(webhooks: Sequence[Answered[WebhookReceived, Reading]]) -> None:
    """Apply the states that webhooks tell of, and publish what became of each webhook.

    A payment's states are applied in its customer's lane alone, one after the other. A webhook that
    came in another, as the edge did not know whose it is, is passed on to that one.
    """
    applied = payments.apply_states(
        [
            StateChange(event, origin.payment_id, state)
            for event, origin, state in _about_payments(webhooks)
            if _is_in_its_lane(event, origin)
        ]
    )
    outbox.publish(
        *[
            _look_again(event, origin, state)
            for event, origin, state in _about_payments(webhooks)
            if not _is_in_its_lane(event, origin)
        ],
        *[_processed(event, reading, applied) for event, reading in webhooks],
    )


def _about_payments(
    webhooks: Sequence[Answered[WebhookReceived, Reading]],
) -> list[tuple[WebhookReceived, Origin, IntentState]]:
    return [
        (event, reading.state.origin, reading.state)
        for event, reading in webhooks
        if reading.state and reading.state.origin
    ]


def _is_in_its_lane(event: WebhookReceived, origin: Origin) -> bool:
    return event.customer_id == origin.customer_id


def _look_again(
    event: WebhookReceived, origin: Origin, state: IntentState
) -> PaymentUpdateRequested:
    return PaymentUpdateRequested(
        event_id=uuid5(_PASSED_ON, str(event.event_id)),
        correlation_id=origin.correlation_id,
        causation_id=event.event_id,
        source="payment-service",
        customer_id=origin.customer_id,
        payment_id=origin.payment_id,
        payment_intent_id=state.payment_intent_id,
        action="refresh",
    )


def _processed(
    event: WebhookReceived, reading: Reading, applied: Mapping[UUID, Applied]
) -> WebhookProcessed:
    outcome, reason = _outcome(event, reading, applied)
    return WebhookProcessed.caused_by(
        event,
        webhook_event_id=reading.webhook_event_id,
        webhook_event_type=reading.webhook_event_type,
        outcome=outcome,
        reason=reason,
        received_at=event.timestamp,
    )


def _outcome(event: WebhookReceived, reading: Reading, applied: Mapping[UUID, Applied]) -> Outcome:
    origin = reading.state.origin if reading.state else None
    if origin is None:
        return "ignored", reading.ignored_because
    if not _is_in_its_lane(event, origin):
        return "applied", "passed on to the payment's own lane"
    match applied[origin.payment_id]:
        case Applied.CHANGED:
            return "applied", None
        case Applied.NOTHING_NEW:
            return "stale", "nothing new about the payment"
        case Applied.UNKNOWN:
            return "ignored", "the payment is not known here"
