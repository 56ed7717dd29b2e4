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
    deleted = await read_in_thread(
        functools.partial(selectors.deleted_stripe_customer_id, customer_id)
    )
    made = await gateway.create_customer(customer_id, instead_of=deleted)
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


def keep_card(stripe_customer_id: str, card: SavedCardTold) -> bool:
    """Keep a card that is saved with a Customer, as it is now. Returns False if it is not ours."""
    customer_id = selectors.customer_id_of(stripe_customer_id)
    if not customer_id:
        return False
    save_cards({customer_id: [card]})
    known = SavedCard.objects.filter(payment_method_id=card.payment_method_id)
    known.update(**card.model_dump(exclude={"payment_method_id"}))
    return True


def forget_card(payment_method_id: str) -> bool:
    """Note that a card is nobody's any more. Returns False if it was not known."""
    known = SavedCard.objects.filter(payment_method_id=payment_method_id)
    known.filter(detached_at=None).update(detached_at=timezone.now())
    return known.exists()


def forget_customer(stripe_customer_id: str) -> bool:
    """Note that a Customer was deleted, with its cards. Returns False if it was not known."""
    known = StripeCustomer.objects.filter(stripe_customer_id=stripe_customer_id)
    known.filter(deleted_at=None).update(deleted_at=timezone.now())
    customer_id = selectors.customer_id_of(stripe_customer_id)
    cards = SavedCard.objects.filter(customer_id=customer_id, detached_at=None)
    cards.update(detached_at=timezone.now())
    return bool(customer_id)


def _record(customer_id: str, stripe_customer_id: str) -> str:
    row, is_new = StripeCustomer.objects.get_or_create(
        customer_id=customer_id, defaults={"stripe_customer_id": stripe_customer_id}
    )
    if not is_new and row.deleted_at and row.stripe_customer_id != stripe_customer_id:
        row.stripe_customer_id, row.deleted_at = stripe_customer_id, None
        row.save()
    return row.stripe_customer_id
