"""Customers who subscribe, and what the payment service says of it."""

import uuid

from customer_project.subscriptions.models import Subscription
from kafka_bridge.contracts import (
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionStatus,
    SubscriptionStatusUpdated,
)

URL = "/api/subscriptions/"
GOOD = {"plan": "pro-monthly", "payment_method": "pm_card_visa"}
CARD = {
    "payment_method_id": "pm_1",
    "brand": "visa",
    "last4": "4242",
    "exp_month": 12,
    "exp_year": 2040,
}
NEXT_ACTION = {"type": "use_stripe_sdk"}


def post(client, path="", body=None, *, key="", **options):
    """Ask for something, with a new key if none is given."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4()), **options.pop("headers", {})}
    return client.post(f"{URL}{path}", body or {}, headers=headers, **options)


def subscribe(client, **fields):
    """Ask for a subscription and return its row."""
    response = post(client, body={**GOOD, **fields})
    assert response.status_code == 202, response.json()
    return Subscription.objects.get(id=response.json()["id"])


def _state(subscription, *, status="active", **fields):
    return {
        "customer_id": str(subscription.customer_id),
        "subscription_id": subscription.id,
        "stripe_subscription_id": "sub_1",
        "status": SubscriptionStatus(status),
        "subscription_plan_id": subscription.subscription_plan_id,
        "amount": subscription.amount,
        "currency": subscription.currency,
        "interval": subscription.interval,
        "card": CARD,
        "revision": 1,
        **fields,
    }


def answered(subscription, **fields):
    """What the payment service answers to the request."""
    return SubscriptionAnswered(**{"success": True, **_state(subscription, **fields)})


def updated(subscription, **fields):
    """What the payment service says of a subscription afterwards."""
    return SubscriptionStatusUpdated(**_state(subscription, **fields))


def previewed(subscription, *, revision=2, **fields):
    """What the payment service answers to who asked last what a change of plan costs."""
    asked = subscription.events.filter(what="preview_plan").latest("id")
    preview = {
        "subscription_plan_id": asked.subscription_plan_id,
        "amount_due": 2100,
        "currency": subscription.currency,
        "proration_date": asked.at.replace(microsecond=0),
        **fields,
    }
    return updated(subscription, revision=revision, causation_id=asked.event_id, preview=preview)


def invoiced(subscription, **fields):
    """What the payment service says of an invoice."""
    return SubscriptionPaymentUpdated(
        **{
            "customer_id": str(subscription.customer_id),
            "subscription_id": subscription.id,
            "invoice_id": "in_1",
            "invoice_number": "A-1",
            "status": "paid",
            "billing_reason": "subscription_create",
            "amount_due": subscription.amount,
            "amount_paid": subscription.amount,
            "currency": subscription.currency,
            "attempt": 1,
            "revision": 1,
            **fields,
        }
    )
