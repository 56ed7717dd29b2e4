"""The payment service's work: one task for each payment."""

from typing import Any

import stripe
from celery import shared_task
from django.conf import settings

from devstack.bench.tutorial import kafka
from devstack.bench.tutorial.models import Payment

_client = stripe.StripeClient("sk_test_tutorial", base_addresses={"api": settings.STRIPE_API_BASE})


@shared_task(ignore_result=True)
def charge(event: dict[str, Any]) -> None:
    """Charge the card, save how it went, and tell the others."""
    payment, created = Payment.objects.get_or_create(
        id=event["paymentId"],
        defaults={
            "customer_id": event["customerId"],
            "amount": event["amount"],
            "currency": event["currency"],
        },
    )
    if not created:
        return
    intent = _client.v1.payment_intents.create(
        params={
            "amount": payment.amount,
            "currency": payment.currency,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "metadata": {"payment_id": event["paymentId"]},
        },
        options={"idempotency_key": event["paymentId"]},
    )
    payment.status = intent.status
    payment.payment_intent_id = intent.id
    payment.save()
    result = event | {"status": intent.status, "paymentIntentId": intent.id}
    kafka.publish(kafka.RESULTS, result)
    kafka.publish(kafka.ANALYTICS, result)
