"""The events that repair a divergence: the same that webhooks and operators publish."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from kafka_bridge.contracts import (
    PaymentUpdateRequested,
    SubscriptionUpdateRequested,
    Topic,
    WebhookReceived,
)
from payment_project.payments import services as payments
from payment_project.payments.models import Payment
from payment_project.stripe_gateway.changes import PartSeen, PaymentSeen, SubscriptionSeen
from payment_project.stripe_gateway.webhooks import sign
from payment_project.subscriptions import services as subscriptions
from payment_project.subscriptions.models import Subscription


def webhook(event: Mapping[str, Any]) -> WebhookReceived:
    """Pass on a webhook that never came, as the edge would have: it is verified like any other."""
    about = event["data"]["object"]
    metadata = about.get("metadata") or {}
    customer_id = metadata.get("customer_id") or about.get("customer") or event["id"]
    body, signature = sign(event, secret=settings.STRIPE_WEBHOOK_SECRETS[0])
    return WebhookReceived(
        event_type=Topic.STRIPE_WEBHOOK_RECEIVED,
        source="payment-service",
        customer_id=str(customer_id)[:255],
        webhook_event_id=event["id"],
        webhook_event_type=event["type"],
        raw_payload=body,
        signature=signature,
        webhook_event=dict(event),
    )


def payment(seen: PaymentSeen) -> PaymentUpdateRequested:
    """Ask for another look at a payment; one that has no row is recorded by what Stripe says."""
    origin = seen.origin
    assert origin is not None  # noqa: S101 - only ours diverge
    return PaymentUpdateRequested(
        correlation_id=origin.correlation_id,
        source="payment-service",
        customer_id=origin.customer_id,
        payment_id=origin.payment_id,
        payment_intent_id=seen.payment_intent_id,
        action="refresh",
    )


def subscription(seen: SubscriptionSeen) -> SubscriptionUpdateRequested:
    """Ask for another look at a subscription; one that has no row is recorded too."""
    origin = seen.origin
    assert origin is not None  # noqa: S101 - only ours diverge
    return SubscriptionUpdateRequested(
        correlation_id=origin.correlation_id,
        source="payment-service",
        customer_id=origin.customer_id,
        subscription_id=origin.subscription_id,
        stripe_subscription_id=seen.snapshot.stripe_subscription_id,
        action="refresh",
    )


def payment_of(seen: PartSeen) -> PaymentUpdateRequested:
    """Ask for another look at the payment that a refund or dispute is of: it shows them all."""
    row = Payment.objects.get(payment_intent_id=seen.part_of)
    return payments.asked_of(row, action="refresh")


def invoice(seen: PartSeen) -> SubscriptionUpdateRequested:
    """Ask for another look at a subscription and at this invoice of it."""
    row = Subscription.objects.get(stripe_subscription_id=seen.part_of)
    return subscriptions.asked_of(row, invoice_id=seen.object_id, action="refresh")
