"""Making Stripe's Customers, and keeping their cards."""

import functools
from collections.abc import Mapping
from uuid import UUID

from django.utils import timezone

from kafka_bridge import bulk
from kafka_bridge.contracts import CustomerInfo
from kafka_bridge.contracts import SavedCard as SavedCardTold
from kafka_bridge.database import read_in_thread
from payment_project.customers import selectors
from payment_project.customers.models import SavedCard, StripeCustomer
from payment_project.stripe_gateway import customers as gateway


async def find_or_make(customer_id: str, info: CustomerInfo, *, event_id: UUID) -> str:
    """Return the id of a customer's Customer, and make it if there is none. For calls.

    Killed between any two lines, the next attempt goes on with the same Customer.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    if known := await known_stripe_customer(customer_id):
        return known
    made = await gateway.create_customer(customer_id)
    await gateway.describe_customer(made, info, event_id=event_id)
    return await read_in_thread(functools.partial(_record, customer_id, made))


async def known_stripe_customer(customer_id: str) -> str:
    """Return the id of a customer's Customer; empty if there is none yet. For calls."""
    return await read_in_thread(functools.partial(selectors.stripe_customer_id, customer_id))


async def owns_card(customer_id: str, payment_method_id: str) -> bool:
    """Tell whether a card is saved with the customer: by what is known here, else by Stripe.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    ask = functools.partial(selectors.has_saved, customer_id, payment_method_id)
    if await read_in_thread(ask):
        return True
    stripe_customer_id = await known_stripe_customer(customer_id)
    if not stripe_customer_id:
        return False
    return await gateway.owner_of(payment_method_id) == stripe_customer_id


def save_cards(cards: Mapping[str, list[SavedCardTold]]) -> None:
    """Keep the cards that were saved with customers, by customer id."""
    now = timezone.now()
    bulk.insert_missing(
        [
            SavedCard(**card.model_dump(), customer_id=customer_id, created_at=now)
            for customer_id, saved in cards.items()
            for card in saved
        ]
    )


def _record(customer_id: str, stripe_customer_id: str) -> str:
    row, _ = StripeCustomer.objects.get_or_create(
        customer_id=customer_id, defaults={"stripe_customer_id": stripe_customer_id}
    )
    return row.stripe_customer_id
