"""Making Stripe's Customers, and keeping their cards."""

import functools
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.utils import timezone

from kafka_bridge import bulk, database
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
    rows = [
        SavedCard(**card.model_dump(), customer_id=customer_id, created_at=now)
        for customer_id, saved in cards.items()
        for card in saved
    ]
    rows.sort(key=lambda row: row.payment_method_id)  # the order of their locks
    return bulk.insert_missing(rows)


def update_card(
    payment_method_id: str,
    card: SavedCardTold | None,
    *,
    stripe_customer_id: str,
    is_saved: bool,
    cause: Event,
) -> list[SavedCardUpdated] | None:
    """Note a card as Stripe has it now, and return what is to be told of it; None: it is not ours.

    `stripe_customer_id` is whose it is, or was; `card` is None if there is none of the name. One
    that was never seen is noted as well when it is gone: whoever saved it may say so later.
    """
    if card and (customer_id := selectors.customer_id_of(stripe_customer_id)):
        new = save_cards({customer_id: [card]})
    else:
        new = set()
    row = SavedCard.objects.select_for_update().filter(pk=payment_method_id).first()
    if row is None:
        return None
    now = card.model_dump() if card else {}
    changed = [name for name, value in now.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, now[name])
    is_gone = not is_saved and row.detached_at is None
    if is_gone:
        row.detached_at = timezone.now()
    return _moved_on([row], cause=cause) if new or changed or is_gone else []


def forget_customer(stripe_customer_id: str, *, cause: Event) -> list[SavedCardUpdated] | None:
    """Note that a Customer was deleted, and return what is to be told of its cards.

    None: it was not known.
    """
    known = StripeCustomer.objects.filter(stripe_customer_id=stripe_customer_id)
    known.filter(deleted_at=None).update(deleted_at=timezone.now())
    customer_id = selectors.customer_id_of(stripe_customer_id)
    if not customer_id:
        return None
    cards = SavedCard.objects.filter(customer_id=customer_id, detached_at=None)
    rows = list(cards.select_for_update().order_by("pk"))
    for row in rows:
        row.detached_at = timezone.now()
    return _moved_on(rows, cause=cause)


def _moved_on(rows: Sequence[SavedCard], *, cause: Event) -> list[SavedCardUpdated]:
    """Save what changed of cards at revisions above all told before, and return what is to tell."""
    for row in rows:
        row.revision = max(row.revision + 1, above_all_told(database.now()))
        row.save()
    return [_as_told(row, cause=cause) for row in rows]


def _as_told(row: SavedCard, *, cause: Event) -> SavedCardUpdated:
    return SavedCardUpdated(
        correlation_id=cause.correlation_id or cause.event_id,
        causation_id=cause.event_id,
        customer_id=row.customer_id,
        payment_method_id=row.payment_method_id,
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
