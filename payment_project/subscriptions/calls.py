"""What is asked of Stripe for subscriptions, before it is known here."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from kafka_bridge.contracts import SubscriptionRequested, SubscriptionUpdateRequested
from kafka_bridge.database import read_in_thread
from payment_project.customers import services as customers
from payment_project.stripe_gateway.errors import NotOfThisSubscription
from payment_project.stripe_gateway.subscription_states import SubscriptionSnapshot
from payment_project.stripe_gateway.subscription_updates import update_subscription
from payment_project.stripe_gateway.subscriptions import (
    create_subscription,
    retrieve_subscription,
    subscription_id_of,
)
from payment_project.subscriptions import selectors
from payment_project.turns.services import Covered, Read, once


async def subscribe(event: SubscriptionRequested) -> SubscriptionSnapshot:
    """Subscribe the customer, in the name of their Customer.

    A producer that names its subscription and not its event may produce it twice: the second gets
    what came of the first, whatever else it asks for. For a day Stripe would do so too, and after
    that subscribe them again.

    Raises:
        NotOfThisSubscription: another customer has asked for it before.
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    wanted = subscription_id_of(event)
    read = partial(selectors.asked_for_before, wanted, event_id=event.event_id)
    known = await read_in_thread(read)
    if known and known.customer_id != event.customer_id:
        raise NotOfThisSubscription(f"subscription {wanted} is another customer's")
    if known and known.stripe_subscription_id:
        return await retrieve_subscription(known.stripe_subscription_id)
    stripe_customer_id = await customers.find_or_make(
        event.customer_id, event.customer_info, event_id=event.event_id
    )
    return await create_subscription(event, stripe_customer_id=stripe_customer_id)


async def update(event: SubscriptionUpdateRequested) -> Read[SubscriptionSnapshot] | Covered:
    """Do to a subscription what the event asks; who only wants to see it takes a turn.

    Raises:
        NotOfThisSubscription: Stripe's was made for another subscription or customer of ours.
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    if event.action == "refresh":
        return await look_at_subscription(
            event.stripe_subscription_id,
            lambda: update_subscription(event),
            about=event.invoice_id or "",
        )
    return Read(await update_subscription(event))


async def look_at_subscription(
    stripe_subscription_id: str,
    fetch: Callable[[], Awaitable[SubscriptionSnapshot]],
    *,
    about: str = "",
) -> Read[SubscriptionSnapshot] | Covered:
    """Fetch a Subscription with its invoices when it is its turn, for the sake of one or of itself.

    Raises:
        TryLater: others look at it all the time. And what `fetch` raises.
    """
    told = await once(stripe_subscription_id, fetch, about=about)
    if isinstance(told, Covered) or told.look is None:
        return told
    invoices = tuple(invoice.invoice_id for invoice in told.news.invoices)
    return replace(told, look=told.look._replace(parts=invoices))
