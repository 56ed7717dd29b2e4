"""The event that asks something of a payment that is recorded."""

from typing import Any

from kafka_bridge.contracts import PaymentUpdateRequested
from payment_project.payments.models import Payment


def asked_of(payment: Payment, **fields: Any) -> PaymentUpdateRequested:
    """Make the event, on the payment's correlation and in its customer's lane."""
    return PaymentUpdateRequested(
        correlation_id=payment.correlation_id,
        source="payment-service",
        customer_id=payment.customer_id,
        payment_id=payment.id,
        payment_intent_id=payment.payment_intent_id,
        **fields,
    )
