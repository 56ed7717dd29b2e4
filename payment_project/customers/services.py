"""Making Stripe's Customers, and keeping their cards."""

import functools
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from kafka_bridge import bulk, database, outbox
from kafka_bridge.contracts import CustomerInfo, Event, SavedCardUpdated
from kafka_bridge.contracts import SavedCard as SavedCardTold
from kafka_bridge.database import read_in_thread
from payment_project.customers import selectors
from payment_project.customers.models import SavedCard, StripeCustomer
from payment_project.revisions import above_all_told
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


def save_cards(cards: Mapping[str, list[SavedCardTold]]) -> set[str]:
    """Keep the cards that were saved with customers, by customer id. Returns which are new."""
    now = timezone.now()
    return bulk.insert_missing(
        [
            SavedCard(**card.model_dump(), customer_id=customer_id, created_at=now)
            for customer_id, saved in cards.items()
            for card in saved
        ]
    )


def keep_card(stripe_customer_id: str, card: SavedCardTold, *, cause: Event) -> bool:
    """Keep a card that is saved with a Customer as it is now, and tell what is new of it.

    Returns False if it is not ours.
    """
    customer_id = selectors.customer_id_of(stripe_customer_id)
    if not customer_id:
        return False
    new = save_cards({customer_id: [card]})
    row = SavedCard.objects.select_for_update().get(pk=card.payment_method_id)
    changed = {name: now for name, now in card.model_dump().items() if getattr(row, name) != now}
    if new or changed:
        vars(row).update(changed)
        _tell([row], cause=cause)
    return True


def forget_card(payment_method_id: str, *, cause: Event) -> bool:
    """Note and tell that a card is nobody's any more. Returns False if it was not known."""
    known = SavedCard.objects.filter(payment_method_id=payment_method_id)
    _detach(known, cause=cause)
    return known.exists()


def forget_customer(stripe_customer_id: str, *, cause: Event) -> bool:
    """Note that a Customer was deleted, and tell that its cards were. False if it was not known."""
    known = StripeCustomer.objects.filter(stripe_customer_id=stripe_customer_id)
    known.filter(deleted_at=None).update(deleted_at=timezone.now())
    customer_id = selectors.customer_id_of(stripe_customer_id)
    _detach(SavedCard.objects.filter(customer_id=customer_id), cause=cause)
    return bool(customer_id)


def _detach(cards: QuerySet[SavedCard], *, cause: Event) -> None:
    rows = list(cards.filter(detached_at=None).select_for_update().order_by("pk"))
    for row in rows:
        row.detached_at = timezone.now()
    _tell(rows, cause=cause)


def _tell(rows: Sequence[SavedCard], *, cause: Event) -> None:
    """Save what changed of cards, and tell of it at a revision above all told before."""
    for row in rows:
        row.revision = max(row.revision + 1, above_all_told(database.now()))
        row.save()
    outbox.publish(*[_as_told(row, cause=cause) for row in rows])


def _as_told(row: SavedCard, *, cause: Event) -> SavedCardUpdated:
    return SavedCardUpdated(
        correlation_id=cause.correlation_id or cause.event_id,
        causation_id=cause.event_id,
        customer_id=row.customer_id,
        card=SavedCardTold(**{name: getattr(row, name) for name in SavedCardTold.model_fields}),
        detached_at=row.detached_at,
        revision=row.revision,
    )


def _record(customer_id: str, stripe_customer_id: str) -> str:
    row, is_new = StripeCustomer.objects.get_or_create(
        customer_id=customer_id, defaults={"stripe_customer_id": stripe_customer_id}
    )
    if not is_new and row.deleted_at and row.stripe_customer_id != stripe_customer_id:
        row.stripe_customer_id, row.deleted_at = stripe_customer_id, None
        row.save()
    return row.stripe_customer_id
