"""What changes a payment, and what is published of it."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from kafka_bridge import bulk, outbox
from kafka_bridge.contracts import (
    CardPaymentAnswered,
    CardPaymentRequested,
    Event,
    PaymentMeasured,
    PaymentStatus,
    PaymentStatusUpdated,
)
from kafka_bridge.handlers import Answered
from payment_project.payments.models import Payment
from payment_project.stripe_gateway.errors import NotOfThisPayment
from payment_project.stripe_gateway.payment_intents import IntentState

_FINAL = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED})
_CHANGING = (
    "status",
    "payment_intent_id",
    "next_action",
    "error_code",
    "decline_code",
    "error_message",
    "card_brand",
    "card_country",
    "updated_at",
)
_NOT_SUCCESSFUL = (
    PaymentStatus.REQUIRES_PAYMENT_METHOD,
    PaymentStatus.CANCELED,
    PaymentStatus.FAILED,
)


class StateChange(NamedTuple):
    """An event that tells of a payment's state at Stripe."""

    cause: Event
    payment_id: UUID
    state: IntentState


class Applied(Enum):
    """What applying a state did."""

    CHANGED = auto()
    NOTHING_NEW = auto()
    UNKNOWN = auto()


def record_charges(charges: Sequence[Answered[CardPaymentRequested, IntentState]]) -> None:
    """Record what Stripe answered to payment requests, and publish it to customer and admin."""
    payments = [_payment(event, state) for event, state in charges]
    recorded = bulk.upsert_newer(payments)
    outbox.publish(
        *[
            told
            for payment, (event, state) in zip(payments, charges, strict=True)
            if payment.id in recorded
            for told in (_answered(payment, event, state), _measured(payment, event))
        ]
    )


def apply_states(changes: Sequence[StateChange]) -> dict[UUID, Applied]:
    """Move payments on to the states told of, and publish those that changed.

    A final state stays. Every state given here is either final or was just fetched, so it is never
    older than the one recorded.

    Raises:
        NotOfThisPayment: a state is that of another PaymentIntent than the payment's.
    """
    ids = [change.payment_id for change in changes]
    payments = {
        payment.id: payment
        for payment in Payment.objects.select_for_update().filter(id__in=ids).order_by("id")
    }
    changed = [
        change
        for change in changes
        if change.payment_id in payments and _move_on(payments[change.payment_id], change.state)
    ]
    bulk.update_newer([payments[change.payment_id] for change in changed], fields=_CHANGING)
    outbox.publish(
        *[
            told
            for cause, payment_id, state in changed
            for told in (
                _status_updated(payments[payment_id], cause, state),
                _measured(payments[payment_id], cause),
            )
        ]
    )
    applied = dict.fromkeys(ids, Applied.UNKNOWN)
    applied |= dict.fromkeys(payments, Applied.NOTHING_NEW)
    return applied | {change.payment_id: Applied.CHANGED for change in changed}


def _move_on(payment: Payment, state: IntentState) -> bool:
    if payment.payment_intent_id not in ("", state.payment_intent_id):
        raise NotOfThisPayment(
            f"payment {payment.id} has {payment.payment_intent_id}, not {state.payment_intent_id}"
        )
    same = (payment.status, payment.error_code, payment.decline_code, payment.next_action) == (
        state.status,
        state.error_code,
        state.decline_code,
        state.next_action,
    )
    if same or payment.status in _FINAL:
        return False
    payment.status = state.status
    payment.payment_intent_id = state.payment_intent_id
    payment.next_action = state.next_action
    payment.error_code = state.error_code
    payment.decline_code = state.decline_code
    payment.error_message = state.error_message
    payment.card_brand = state.card_brand or payment.card_brand
    payment.card_country = state.card_country or payment.card_country
    payment.updated_at = timezone.now()
    payment.revision += 1
    return True


def _payment(event: CardPaymentRequested, state: IntentState) -> Payment:
    now = timezone.now()
    return Payment(
        id=event.payment_id or event.event_id,
        customer_id=event.customer_id,
        request_event_id=event.event_id,
        correlation_id=event.correlation_id or event.event_id,
        payment_intent_id=state.payment_intent_id,
        amount=event.amount,
        currency=event.currency,
        status=state.status,
        next_action=state.next_action,
        revision=1,
        error_code=state.error_code,
        decline_code=state.decline_code,
        error_message=state.error_message,
        card_brand=state.card_brand,
        card_country=state.card_country,
        requested_at=event.timestamp,
        created_at=now,
        updated_at=now,
    )


def _answered(
    payment: Payment, event: CardPaymentRequested, state: IntentState
) -> CardPaymentAnswered:
    return CardPaymentAnswered.caused_by(
        event,
        payment_id=payment.id,
        payment_intent_id=payment.payment_intent_id,
        status=PaymentStatus(payment.status),
        success=payment.status not in _NOT_SUCCESSFUL,
        client_secret=state.client_secret or None,
        requires_action=payment.status == PaymentStatus.REQUIRES_ACTION,
        next_action=state.next_action,
        amount=payment.amount,
        currency=payment.currency,
        error=payment.error_message or None,
        error_code=payment.error_code or None,
        decline_code=payment.decline_code or None,
        revision=payment.revision,
    )


def _status_updated(payment: Payment, cause: Event, state: IntentState) -> PaymentStatusUpdated:
    return PaymentStatusUpdated.caused_by(
        cause,
        payment_id=payment.id,
        payment_intent_id=payment.payment_intent_id,
        status=PaymentStatus(payment.status),
        client_secret=state.client_secret or None,
        next_action=state.next_action,
        amount=payment.amount,
        currency=payment.currency,
        error=payment.error_message or None,
        error_code=payment.error_code or None,
        decline_code=payment.decline_code or None,
        revision=payment.revision,
    )


def _measured(payment: Payment, event: Event) -> PaymentMeasured:
    return PaymentMeasured.caused_by(
        event,
        payment_id=payment.id,
        payment_intent_id=payment.payment_intent_id,
        status=PaymentStatus(payment.status),
        amount=payment.amount,
        currency=payment.currency,
        error_code=payment.error_code or None,
        decline_code=payment.decline_code or None,
        revision=payment.revision,
        card_brand=payment.card_brand or None,
        card_country=payment.card_country or None,
        requested_at=payment.requested_at,
    )
