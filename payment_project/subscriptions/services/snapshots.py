"""Moving subscriptions on to what Stripe says of them."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.utils import timezone

from kafka_bridge import bulk, database, outbox
from kafka_bridge.contracts import (
    Event,
    SavedCard,
    SubscriptionRequested,
    SubscriptionStatus,
    SubscriptionUpdateRequested,
)
from payment_project.customers.services import save_cards
from payment_project.revisions import above_all_told
from payment_project.stripe_gateway.errors import NotOfThisSubscription
from payment_project.stripe_gateway.subscription_states import SubscriptionSnapshot
from payment_project.subscriptions.models import Invoice, Subscription
from payment_project.subscriptions.services import dunning, invoices, telling

_AS_TOLD: Final = (
    *("status", "subscription_plan_id", "amount", "currency", "interval", "interval_count"),
    *("quantity", "started_at", "current_period_start", "current_period_end", "trial_end"),
    *("cancel_at_period_end", "cancel_at", "canceled_at", "ended_at", "cancellation_reason"),
    "paused",
)
"""What a row takes over from a snapshot under the same name."""
_VISIBLE: Final = (
    *_AS_TOLD,
    *("card", "setup_intent_id", "setup_status", "error_code", "decline_code"),
)
_CHANGING: Final = (
    *_VISIBLE,
    *("stripe_subscription_id", "payment_method_id", "card_country", "error_message"),
    *("unpaid_since", "unpaid_attempts", "ending_asked_at", "updated_at"),
)


class SnapshotChange(NamedTuple):
    """An event that tells of a subscription's state at Stripe."""

    cause: Event
    subscription_id: UUID
    snapshot: SubscriptionSnapshot


class Applied(Enum):
    """What applying a snapshot did."""

    CHANGED = auto()
    NOTHING_NEW = auto()
    UNKNOWN = auto()


def apply_snapshots(changes: Sequence[SnapshotChange]) -> dict[UUID, Applied]:
    """Move subscriptions and their invoices on to the snapshots, and publish what changed.

    Whoever asked for something is answered, also if nothing came of it. A subscription that is not
    recorded yet, or whose request died after Stripe had it, is recorded.

    No snapshot may be older than what is recorded, and none is: it is read and applied for the one
    event at the head of its customer's lane, so nobody else applies another in between.

    Raises:
        NotOfThisSubscription: a snapshot is that of another Subscription than the subscription's.
    """
    if not changes:
        return {}
    ids = [change.subscription_id for change in changes]
    rows = _locked(ids)
    new = _insert([change for change in changes if change.subscription_id not in rows])
    rows |= new
    known = [change for change in changes if change.subscription_id in rows]
    fresh = invoices.changed([(rows[key], snapshot) for _, key, snapshot in known])
    changed: list[tuple[SnapshotChange, bool]] = []
    for change in known:
        row = rows[change.subscription_id]
        has_news = _move_on(row, change.snapshot) or row.id in new or _is_asked(change.cause)
        if has_news or fresh[row.id]:
            row.revision += 1
            changed.append((change, has_news))
    moved = [rows[change.subscription_id] for change, _ in changed]
    dunning.follow(moved, fresh)
    bulk.update_newer(moved, fields=_CHANGING)
    invoices.save(fresh, {row.id: row.revision for row in rows.values()})
    _save_cards([(rows[key], snapshot.card) for _, key, snapshot in known])
    _publish(changed, rows, fresh)
    applied = dict.fromkeys(ids, Applied.UNKNOWN) | dict.fromkeys(rows, Applied.NOTHING_NEW)
    return applied | {change.subscription_id: Applied.CHANGED for change, _ in changed}


def _publish(
    changed: Sequence[tuple[SnapshotChange, bool]],
    rows: Mapping[UUID, Subscription],
    fresh: Mapping[UUID, Sequence[Invoice]],
) -> None:
    told: list[Event] = []
    for (cause, subscription_id, snapshot), has_news in changed:
        row = rows[subscription_id]
        if isinstance(cause, SubscriptionRequested):
            told.append(telling.answered(row, cause, snapshot))
        if has_news:
            told.append(telling.status_updated(row, cause, snapshot))
        seen = {one.invoice_id: one for one in snapshot.invoices}
        for invoice in fresh[row.id]:
            told.append(telling.payment_updated(row, invoice, cause, seen[invoice.id]))
            if invoices.is_measured(invoice):
                told.append(telling.measured(row, invoice, cause))
    outbox.publish(*told)


def _locked(ids: Iterable[UUID]) -> dict[UUID, Subscription]:
    rows = Subscription.objects.select_for_update().filter(id__in=ids).order_by("id")
    return {row.id: row for row in rows}


def _move_on(row: Subscription, snapshot: SubscriptionSnapshot) -> bool:
    stripes = snapshot.stripe_subscription_id
    if row.stripe_subscription_id not in ("", stripes):
        raise NotOfThisSubscription(
            f"subscription {row.id} has {row.stripe_subscription_id}, not {stripes}"
        )
    if row.status == SubscriptionStatus.FAILED and snapshot.has_ended:
        return False  # it was ended because it failed
    before, card, setup = _visible(row), snapshot.card, snapshot.setup
    for name in _AS_TOLD:
        setattr(row, name, getattr(snapshot, name))
    row.stripe_subscription_id = stripes
    row.card = card.model_dump() if card else None
    row.payment_method_id = card.payment_method_id if card else ""
    row.card_country = snapshot.card_country
    row.setup_intent_id = setup.intent_id if setup else ""
    row.setup_status = setup.status if setup else ""
    row.error_code = setup.error_code if setup else ""
    row.decline_code = setup.decline_code if setup else ""
    row.error_message = setup.error_message if setup else ""
    if row.status == SubscriptionStatus.FAILED and snapshot.refusal:
        row.error_code, row.error_message = snapshot.refusal
    row.updated_at = timezone.now()
    return _visible(row) != before


def _visible(row: Subscription) -> list[Any]:
    return [getattr(row, name) for name in _VISIBLE]


def _is_asked(cause: Event) -> bool:
    if isinstance(cause, SubscriptionUpdateRequested):
        return cause.action != "refresh"
    return isinstance(cause, SubscriptionRequested)


def _insert(changes: Sequence[SnapshotChange]) -> dict[UUID, Subscription]:
    rows = {change.subscription_id: row for change in changes if (row := _row_of(change))}
    inserted = bulk.insert_missing(list(rows.values()))
    return {key: row for key, row in rows.items() if key in inserted}


def _row_of(change: SnapshotChange) -> Subscription | None:
    cause, origin, now = change.cause, change.snapshot.origin, timezone.now()
    row = Subscription(
        id=change.subscription_id,
        stripe_subscription_id=change.snapshot.stripe_subscription_id,
        status=SubscriptionStatus.REQUESTED,
        subscription_plan_id=change.snapshot.subscription_plan_id,
        amount=change.snapshot.amount,
        currency=change.snapshot.currency,
        interval=change.snapshot.interval,
        revision=0,
        created_at=now,
        updated_at=now,
    )
    if isinstance(cause, SubscriptionRequested):
        row.customer_id, row.request_event_id = cause.customer_id, cause.event_id
        row.correlation_id = cause.correlation_id or cause.event_id
        row.requested_at = cause.timestamp
    elif origin and origin.subscription_id == change.subscription_id:
        row.customer_id, row.request_event_id = origin.customer_id, origin.event_id
        row.correlation_id = origin.correlation_id
        row.revision = above_all_told(database.now())
        row.requested_at = change.snapshot.started_at or now
    else:
        return None
    return row


def _save_cards(cards: Iterable[tuple[Subscription, SavedCard | None]]) -> None:
    saved: dict[str, list[SavedCard]] = {}
    for row, card in cards:
        if card:
            saved.setdefault(row.customer_id, []).append(card)
    save_cards(saved)
