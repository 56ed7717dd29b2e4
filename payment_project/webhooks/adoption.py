"""Whether what was made with our account elsewhere is taken over."""

import functools
from dataclasses import replace

from django.conf import settings

from kafka_bridge.contracts import PaymentStatus
from kafka_bridge.database import read_in_thread
from payment_project.customers import selectors as customers
from payment_project.stripe_gateway import adoption as gateway
from payment_project.stripe_gateway.states import IntentState
from payment_project.stripe_gateway.subscription_states import SubscriptionSnapshot


async def adopted_payment(state: IntentState) -> IntentState:
    """Take over a PaymentIntent that somebody else made, if settings say so and it succeeded.

    One that has not is left to its maker: our deadlines would cancel it. One that pays an invoice
    is told of by the invoice. What is taken over has an origin.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    if not settings.STRIPE_ADOPT or state.status != PaymentStatus.SUCCEEDED:
        return state
    if await gateway.is_of_invoice(state.payment_intent_id):
        return state
    customer_id = await _customer_id(state.stripe_customer_id, otherwise=state.payment_intent_id)
    origin = await gateway.adopt_payment_intent(state.payment_intent_id, customer_id=customer_id)
    return replace(state, origin=origin)


async def adopted_subscription(snapshot: SubscriptionSnapshot) -> SubscriptionSnapshot:
    """Take over a Subscription that somebody else made, if settings say so: it has an origin then.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    if not settings.STRIPE_ADOPT:
        return snapshot
    stripe_id = snapshot.stripe_subscription_id
    customer_id = await _customer_id(snapshot.stripe_customer_id, otherwise=stripe_id)
    origin = await gateway.adopt_subscription(stripe_id, customer_id=customer_id)
    return replace(snapshot, origin=origin)


async def _customer_id(stripe_customer_id: str, *, otherwise: str) -> str:
    """Return our customer; if it is none of ours, Stripe's Customer stands for them."""
    if not stripe_customer_id:
        return otherwise
    ask = functools.partial(customers.customer_id_of, stripe_customer_id)
    return await read_in_thread(ask) or stripe_customer_id
