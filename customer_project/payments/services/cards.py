"""The cards that customers may be charged with again: saved by them, changed at Stripe."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from customer_project.customers.models import Customer
from customer_project.payments.models import SavedCard
from kafka_bridge import bulk
from kafka_bridge.contracts import PaymentProgress, SavedCardUpdated
from kafka_bridge.ids import uuid_or_none


def save(outcomes: Sequence[PaymentProgress], customers: Mapping[UUID, UUID]) -> None:
    """Keep the cards that payments saved, with the customers who own the payments here.

    What Stripe told of a card before stays as it is: the topics are read side by side.
    """
    saved = {
        outcome.saved_card.payment_method_id: SavedCard(
            **outcome.saved_card.model_dump(),
            customer_id=customers[outcome.payment_id],
            saved_at=outcome.timestamp,
        )
        for outcome in outcomes
        if outcome.saved_card
    }
    met_before = saved.keys() - bulk.insert_missing(_in_the_order_of_locks(saved.values()))
    for card in SavedCard.objects.filter(pk__in=met_before, saved_at=None).order_by("pk"):
        card.saved_at = saved[card.pk].saved_at
        card.save(update_fields=["saved_at"])


def apply_updates(updates: Sequence[SavedCardUpdated]) -> None:
    """Keep cards as the payment service says they are, unless newer was said before.

    One that no payment saved is kept as well: the payment may be heard of later.
    """
    told = [
        SavedCard(
            **update.card.model_dump(),
            customer_id=customer_id,
            detached_at=update.detached_at,
            revision=update.revision,
        )
        for update in updates
        if (customer_id := uuid_or_none(update.customer_id))
    ]
    ours = Customer.objects.in_bulk([card.customer_id for card in told])
    bulk.upsert_newer(
        _in_the_order_of_locks(card for card in told if card.customer_id in ours),
        keep=("customer", "saved_at"),
    )


def _in_the_order_of_locks(cards: Iterable[SavedCard]) -> list[SavedCard]:
    return sorted(cards, key=lambda card: card.payment_method_id)
