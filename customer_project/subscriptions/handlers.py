"""What the payment service says of subscriptions."""

from collections.abc import Sequence

from customer_project.subscriptions import services
from kafka_bridge.contracts import (
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionState,
    SubscriptionStatusUpdated,
)
from kafka_bridge.handlers import handles


@handles(SubscriptionAnswered, SubscriptionStatusUpdated)
def move_subscriptions_on(states: Sequence[SubscriptionState]) -> None:
    """Show the customers what became of their subscriptions."""
    services.apply_states(states)


@handles(SubscriptionPaymentUpdated)
def keep_invoices(invoices: Sequence[SubscriptionPaymentUpdated]) -> None:
    """Show the customers what became of their invoices."""
    services.apply_invoices(invoices)
