"""The event that asks something of a subscription that is recorded."""

from typing import Any

from kafka_bridge.contracts import SubscriptionUpdateRequested
from payment_project.subscriptions.models import Subscription


def asked_of(row: Subscription, **fields: Any) -> SubscriptionUpdateRequested:
    """Make the event, on the subscription's correlation and in its customer's lane."""
    return SubscriptionUpdateRequested(
        correlation_id=row.correlation_id,
        source="payment-service",
        customer_id=row.customer_id,
        subscription_id=row.id,
        stripe_subscription_id=row.stripe_subscription_id,
        **fields,
    )
