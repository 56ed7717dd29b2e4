"""Requests that operators gave up as dead letters: whoever asked is told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from kafka_bridge import database, outbox
from kafka_bridge.contracts import CardPaymentRequested, PaymentStatus, PaymentUpdateRequested
from kafka_bridge.handlers import Answered
from payment_project.payments.models import Payment, Refund
from payment_project.payments.services import money_back, telling
from payment_project.payments.services.charges import record_charges
from payment_project.payments.services.deadlines import deadline_of
from payment_project.stripe_gateway.states import IntentState, RefundState, Refusal

_NOT_MADE: Final = IntentState(
    status=PaymentStatus.FAILED,
    error_code="discarded",
    error_message="The payment could not be made.",
)
_GIVEN_UP: Final = Refusal("discarded", "This was given up.")
_DONE: Final = {
    "confirm": PaymentStatus.SUCCEEDED,
    "capture": PaymentStatus.SUCCEEDED,
    "cancel": PaymentStatus.CANCELED,
}


def fail_discarded(requests: Sequence[CardPaymentRequested]) -> None:
    """Record payments that were asked for as failed.

    A payment that is recorded already stays as it is. Should Stripe have charged one all the same,
    its webhook tells, and the payment moves on to that.
    """
    record_charges([Answered(request, _NOT_MADE) for request in requests])


def refuse_discarded(requests: Sequence[PaymentUpdateRequested]) -> None:
    """Tell that what was asked of payments was given up: they stay as they are recorded.

    A refund is told as failed by its id. What Stripe has done all the same is told as done, now or
    by its webhook.
    """
    now, told = database.now(), []
    for request in requests:
        known = Payment.objects.select_for_update().filter(id=request.payment_id)
        payment = known.filter(customer_id=request.customer_id).first()
        if payment is None or request.action == "refresh":
            continue
        if request.action == "refund":
            _record_failed_refund(request, payment, now)
        payment.revision += 1
        payment.deadline_at = payment.deadline_at or deadline_of(payment.status, since=now)
        payment.save(update_fields=["revision", "deadline_at"])
        state = IntentState(
            status=PaymentStatus(payment.status),
            next_action=payment.next_action,
            refusal=None if _is_as_asked(request, payment) else _GIVEN_UP,
        )
        back = money_back.of([payment.id])[payment.id]
        told += [
            telling.status_updated(payment, request, state, back),
            telling.measured(payment, request, state),
        ]
    outbox.publish(*told)


def _record_failed_refund(request: PaymentUpdateRequested, payment: Payment, now: datetime) -> None:
    if Refund.objects.filter(id=request.event_id).exists():
        return
    what_is_left = payment.amount_captured - payment.amount_refunded
    refund = RefundState(
        refund_id=request.event_id,
        stripe_refund_id="",
        amount=request.amount or what_is_left or payment.amount,
        status="failed",
        created_at=now,
        reason=request.reason or "",
        error=_GIVEN_UP.message,
    )
    money_back.record({payment.id: IntentState(PaymentStatus(payment.status), refunds=(refund,))})


def _is_as_asked(request: PaymentUpdateRequested, payment: Payment) -> bool:
    # What keeps a payment from going on is not to be hidden behind what was given up, and of what a
    # deadline asked nobody knows.
    return (
        request.action == "refund"
        or request.reason == "abandoned"
        or payment.status == _DONE.get(request.action)
        or bool(payment.error_code)
    )
