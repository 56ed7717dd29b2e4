"""What operators ask of payments: published, so that it happens in the payment's order."""

from typing import Literal
from uuid import UUID, uuid5

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from kafka_bridge import outbox
from kafka_bridge.contracts import PaymentUpdateRequested
from payment_project.payments.models import Payment

RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]


@transaction.atomic
def request_refund(
    *, payment: Payment, amount: int, reason: RefundReason, token: UUID, by: AbstractBaseUser
) -> bool:
    """Publish that an operator wants a payment refunded, and log it: once for each token.

    `amount` is in minor units. Returns False if it was asked with this token before.
    """
    Payment.objects.select_for_update().get(pk=payment.pk)  # the same form, submitted twice at once
    event_id = uuid5(payment.pk, f"refund:{token}")
    if outbox.is_published(event_id):
        return False
    LogEntry.objects.create(
        user_id=by.pk,
        content_type=ContentType.objects.get_for_model(Payment),
        object_id=str(payment.pk),
        object_repr=str(payment)[:200],
        action_flag=CHANGE,
        change_message=f"Asked to refund {amount} {payment.currency} ({reason}), {event_id}.",
    )
    outbox.publish(
        PaymentUpdateRequested(
            event_id=event_id,
            correlation_id=payment.correlation_id,
            source="payment-service",
            customer_id=payment.customer_id,
            payment_id=payment.pk,
            payment_intent_id=payment.payment_intent_id,
            action="refund",
            amount=amount,
            reason=reason,
        )
    )
    return True
