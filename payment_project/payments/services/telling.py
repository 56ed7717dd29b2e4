"""The events that tell of a payment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from kafka_bridge.contracts import (
    CardPaymentAnswered,
    CardPaymentRequested,
    Event,
    PaymentMeasured,
    PaymentStatus,
    PaymentStatusUpdated,
)
from kafka_bridge.contracts import Dispute as DisputeTold
from kafka_bridge.contracts import Refund as RefundTold
from payment_project.payments.models import Dispute, Payment, Refund
from payment_project.stripe_gateway.states import IntentState

E = TypeVar("E", bound=Event)

_NOT_SUCCESSFUL = (
    PaymentStatus.REQUIRES_PAYMENT_METHOD,
    PaymentStatus.CANCELED,
    PaymentStatus.FAILED,
)
_FLOWS: Final[dict[str, Literal["challenge", "frictionless"]]] = {
    "challenge": "challenge",
    "frictionless": "frictionless",
}
"""Those that are told of: https://docs.stripe.com/api/charges/object"""


@dataclass(frozen=True)
class MoneyBack:
    """What went back of a payment, or is to: the oldest first."""

    refunds: Sequence[Refund] = field(default=())
    disputes: Sequence[Dispute] = field(default=())


def answered(
    payment: Payment, event: CardPaymentRequested, state: IntentState
) -> CardPaymentAnswered:
    """Tell what Stripe answered to a request."""
    return CardPaymentAnswered.caused_by(
        event,
        **_outcome(payment),
        **_progress(state),
        success=payment.status not in _NOT_SUCCESSFUL,
        requires_action=payment.status == PaymentStatus.REQUIRES_ACTION,
    )


def status_updated(
    payment: Payment, cause: Event, state: IntentState, back: MoneyBack
) -> PaymentStatusUpdated:
    """Tell that a payment moved on, or why it did not as it was asked to."""
    told = PaymentStatusUpdated.caused_by(
        cause,
        **_outcome(payment),
        **_progress(state),
        refunds=tuple(_refund(refund) for refund in back.refunds) or None,
        disputes=tuple(_dispute(dispute) for dispute in back.disputes) or None,
    )
    if state.refusal:
        refusal = {"error": state.refusal.message, "error_code": state.refusal.code}
        told = told.model_copy(update=refusal)
    return _correlated(told, payment)


def measured(payment: Payment, cause: Event, state: IntentState) -> PaymentMeasured:
    """Tell what analytics count of a payment."""
    told = PaymentMeasured.caused_by(
        cause,
        **_outcome(payment),
        card_brand=payment.card_brand or None,
        card_country=payment.card_country or None,
        three_d_secure=_FLOWS.get(state.authentication_flow),
        requested_at=payment.requested_at,
    )
    return _correlated(told, payment)


def _correlated(told: E, payment: Payment) -> E:
    """Keep what is told of a payment on its own correlation: webhooks may come with another."""
    return told.model_copy(update={"correlation_id": payment.correlation_id})


def _outcome(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": payment.id,
        "payment_intent_id": payment.payment_intent_id,
        "status": PaymentStatus(payment.status),
        "amount": payment.amount,
        "currency": payment.currency,
        "error": payment.error_message or None,
        "error_code": payment.error_code or None,
        "decline_code": payment.decline_code or None,
        "amount_captured": payment.amount_captured,
        "amount_refunded": payment.amount_refunded,
        "dispute_status": payment.dispute_status or None,
        "revision": payment.revision,
    }


def _progress(state: IntentState) -> dict[str, Any]:
    return {
        "client_secret": state.client_secret or None,
        "next_action": state.next_action,
        "saved_card": state.saved_card,
    }


def _refund(refund: Refund) -> RefundTold:
    return RefundTold.model_validate(
        {
            "refund_id": None if refund.made_at_stripe else refund.id,
            "stripe_refund_id": refund.stripe_refund_id,
            "amount": refund.amount,
            "status": refund.status,
            "reason": refund.reason or None,
            "error": refund.error or None,
        }
    )


def _dispute(dispute: Dispute) -> DisputeTold:
    return DisputeTold(
        dispute_id=dispute.id,
        amount=dispute.amount,
        status=dispute.status,
        reason=dispute.reason or None,
    )
