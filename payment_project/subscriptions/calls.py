"""What is asked of Stripe for subscriptions, before it is known here."""

from kafka_bridge.contracts import SubscriptionRequested
from payment_project.customers import services as customers
from payment_project.stripe_gateway.subscription_states import SubscriptionSnapshot
from payment_project.stripe_gateway.subscriptions import create_subscription


async def subscribe(event: SubscriptionRequested) -> SubscriptionSnapshot:
    """Subscribe the customer, in the name of their Customer.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    stripe_customer_id = await customers.find_or_make(
        event.customer_id, event.customer_info, event_id=event.event_id
    )
    return await create_subscription(event, stripe_customer_id=stripe_customer_id)
