"""Whether what was made with our account elsewhere is taken over."""

import functools

from django.conf import settings

from kafka_bridge.contracts import PaymentStatus
from kafka_bridge.database import read_in_thread
from payment_project.customers import selectors as customers
from payment_project.stripe_gateway import adoption as gateway
from payment_project.stripe_gateway.webhook_objects import fetch_object


async def adopted_payment(payment_intent_id: str, *, status: PaymentStatus) -> bool:
    """Take over a PaymentIntent that somebody else made, if settings say so and it succeeded.

    One that has not is left to its maker: our deadlines would cancel it. One that pays an invoice
    is told of by the invoice.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    if not settings.STRIPE_ADOPT or status != PaymentStatus.SUCCEEDED:
        return False
    if await gateway.is_of_invoice(payment_intent_id):
        return False
    customer_id = await _customer_id("payment_intent", payment_intent_id)
    await gateway.adopt_payment_intent(payment_intent_id, customer_id=customer_id)
    return True


async def adopted_subscription(stripe_subscription_id: str) -> bool:
    """Take over a Subscription that somebody else made, if settings say so.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    if not settings.STRIPE_ADOPT:
        return False
    customer_id = await _customer_id("subscription", stripe_subscription_id)
    await gateway.adopt_subscription(stripe_subscription_id, customer_id=customer_id)
    return True


async def _customer_id(kind: str, object_id: str) -> str:
    """Return our customer; if it is none of ours, Stripe's Customer stands for them."""
    found = await fetch_object(kind, object_id) or {}
    stripe_customer_id = found.get("customer") or ""
    if not stripe_customer_id:
        return object_id
    ask = functools.partial(customers.customer_id_of, stripe_customer_id)
    return await read_in_thread(ask) or stripe_customer_id
