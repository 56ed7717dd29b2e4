"""What operators ask of payments: published, so that it happens in the payment's order."""

from typing import Literal
from uuid import UUID, uuid5

from django.contrib.auth.models import AbstractBaseUser

from kafka_bridge.contracts import PaymentUpdateRequested
from payment_project.operators import ask_once
from payment_project.payments.models import Payment
from payment_project.payments.money import written

RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]


def request_refund(
    *, payment: Payment, amount: int, reason: RefundReason, token: UUID, by: AbstractBaseUser
) -> bool:
    """Publish that an operator wants a payment refunded, and log it: once for each token.

    `amount` is in minor units. Returns False if it was asked with this token before.
    """
    event = PaymentUpdateRequested(
        event_id=uuid5(payment.pk, f"refund:{token}"),
        correlation_id=payment.correlation_id,
        source="payment-service",
        customer_id=payment.customer_id,
        payment_id=payment.pk,
        payment_intent_id=payment.payment_intent_id,
        action="refund",
        amount=amount,
        reason=reason,
    )
    logged = f"Asked to refund {written(amount, payment.currency)} ({reason}), {event.event_id}."
    return ask_once(payment, event, by=by, logged=logged)
