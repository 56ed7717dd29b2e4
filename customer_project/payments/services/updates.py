"""Going on with a payment: confirm, capture, cancel, refund.

What is refused here is what cannot be by what is known here. The payment service, which knows more,
has the last word: it answers with a new revision that says what became of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied, ValidationError

from customer_project.payments import errors
from customer_project.payments.models import Payment, PaymentEvent
from kafka_bridge import outbox
from kafka_bridge.contracts import PaymentStatus, PaymentUpdateRequested, currencies
from kafka_bridge.contracts.base import new_event_id

Action = Literal["confirm", "capture", "cancel", "refund"]
Reason = Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"]

_WAITING_FOR_CUSTOMER: Final = (
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.REQUIRES_CONFIRMATION,
)
_FINAL: Final = (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED, PaymentStatus.FAILED)


@dataclass(frozen=True, kw_only=True)
class Update:
    """What somebody wants to be done with a payment. A refund is known by the event's id."""

    action: Action
    amount: int | None = None
    """In minor units; None: all that is left."""
    reason: Reason | None = None
    return_url: str | None = None
    event_id: UUID = field(default_factory=new_event_id)


def request_update(
    payment: Payment, update: Update, *, asked_by: str, by_merchant: bool = False
) -> None:
    """Publish that somebody goes on with a payment, with the transaction of the caller.

    Raises:
        PermissionDenied: a customer wants to take or to give up what their bank has authorised.
        StateConflict: there is nothing to confirm, capture, cancel or refund.
        ValidationError: the amount is more than is left, or too precise for the currency.
    """
    is_merchants = update.action in ("capture", "cancel")
    if is_merchants and payment.status == PaymentStatus.REQUIRES_CAPTURE and not by_merchant:
        raise PermissionDenied("Only the merchant captures or cancels what is authorised.")
    _CHECKS[update.action](payment, update)
    now = timezone.now()
    PaymentEvent.objects.create(
        payment=payment,
        event_id=update.event_id,
        what=update.action,
        source=asked_by,
        amount=update.amount,
        at=now,
    )
    outbox.publish(
        PaymentUpdateRequested(
            event_id=update.event_id,
            correlation_id=payment.correlation_id,
            customer_id=str(payment.customer_id),
            payment_id=payment.id,
            payment_intent_id=payment.payment_intent_id,
            action=update.action,
            amount=update.amount,
            reason=update.reason,
            return_url=update.return_url,
            timestamp=now,
        )
    )


@transaction.atomic
def confirm_payment(
    *, payment: Payment, idempotency_key: str, return_url: str | None = None
) -> None:
    """Publish that a page's customer is back from 3-D Secure, or comes to it, once for each key.

    Raises:
        NothingToConfirm: the payment does not wait for its customer.
    """
    Payment.objects.select_for_update().get(id=payment.id)  # the same key, twice at once
    event_id = uuid5(payment.id, f"confirm:{idempotency_key}")
    if not PaymentEvent.objects.filter(event_id=event_id).exists():
        update = Update(action="confirm", event_id=event_id, return_url=return_url)
        request_update(payment, update, asked_by=f"page:{payment.customer_id}")


def _check_confirm(payment: Payment, _update: Update) -> None:
    if payment.status not in _WAITING_FOR_CUSTOMER and not payment.bank_missed_its_customer:
        raise errors.NothingToConfirm


def _check_capture(payment: Payment, update: Update) -> None:
    if payment.status != PaymentStatus.REQUIRES_CAPTURE:
        raise errors.NothingToCapture
    _check_amount(payment, update, left=payment.amount)


def _check_cancel(payment: Payment, _update: Update) -> None:
    if payment.status in _FINAL:
        raise errors.PaymentIsFinal
    if not payment.payment_intent_id:
        raise errors.NotAnsweredYet


def _check_refund(payment: Payment, update: Update) -> None:
    if payment.amount_refundable <= 0:
        raise errors.NothingToRefund
    _check_amount(payment, update, left=payment.amount_refundable)


def _check_amount(payment: Payment, update: Update, *, left: int) -> None:
    if update.amount is None:
        return
    if update.amount > left:
        raise ValidationError(
            {"amount": f"At most {left} in {payment.currency}."}, errors.TOO_LARGE
        )
    step = currencies.step(payment.currency)
    if update.amount % step:
        raise ValidationError({"amount": f"A multiple of {step} in {payment.currency}."}, "invalid")


_CHECKS: Final[dict[Action, Callable[[Payment, Update], None]]] = {
    "confirm": _check_confirm,
    "capture": _check_capture,
    "cancel": _check_cancel,
    "refund": _check_refund,
}
