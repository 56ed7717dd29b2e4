"""What operators ask of payments: published, so that it happens in the payment's order."""

from typing import Literal
from uuid import UUID, uuid5

from django.contrib.auth.models import AbstractBaseUser

from payment_project.operators import ask_once
from payment_project.payments.models import Payment
from payment_project.payments.money import written
from payment_project.payments.services.asking import asked_of

RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]


def request_refund(
    *, payment: Payment, amount: int, reason: RefundReason, token: UUID, by: AbstractBaseUser
) -> bool:
    """Publish that an operator wants a payment refunded, and log it: once for each token.

    `amount` is in minor units. Returns False if it was asked with this token before.
    """
    event = asked_of(
        payment,
        event_id=uuid5(payment.pk, f"refund:{token}"),
        action="refund",
        amount=amount,
        reason=reason,
    )
    logged = f"Asked to refund {written(amount, payment.currency)} ({reason}), {event.event_id}."
    return ask_once(payment, event, by=by, logged=logged)
