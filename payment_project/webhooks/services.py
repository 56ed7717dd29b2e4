"""Applying webhooks, and reporting what became of each."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID, uuid5

from django.conf import settings
from django.utils import timezone

from kafka_bridge import bulk, outbox
from kafka_bridge.contracts import (
    Event,
    PaymentUpdateRequested,
    SubscriptionUpdateRequested,
    WebhookProcessed,
    WebhookReceived,
)
from kafka_bridge.handlers import Answered
from kafka_bridge.retention import AT_ONCE
from payment_project.customers import services as customers
from payment_project.payments import services as payments
from payment_project.stripe_gateway.states import IntentState
from payment_project.stripe_gateway.subscription_states import SubscriptionSnapshot
from payment_project.subscriptions import services as subscriptions
from payment_project.subscriptions.models import Subscription
from payment_project.turns.services import Covered, Look, cover
from payment_project.webhooks import selectors
from payment_project.webhooks.models import WebhookEvent
from payment_project.webhooks.reading import (
    CardTold,
    CustomerGone,
    Ignored,
    Reading,
    SetupTold,
)

Told = Answered[WebhookReceived, Reading]

_PASSED_ON: Final = UUID("5a1de2f4-55a5-5d52-8f4d-706173736564")


class Outcome(NamedTuple):
    """What became of a webhook, why, and what else is to be told.

    `passed_on`: who is to look again in a lane of their own.
    """

    word: Literal["applied", "ignored", "duplicate", "stale", "failed"]
    reason: str | None = None
    passed_on: tuple[Event, ...] = ()
    told: tuple[Event, ...] = ()


def process(webhooks: Sequence[Told]) -> None:
    """Apply what webhooks tell of, and publish what became of each webhook.

    The states of a payment or subscription are applied in its customer's lane alone, one after the
    other. A webhook that came in another, as the edge did not know whose it is, is passed on to
    that one. One whose `evt_…` is done with, by whatever way it came, does nothing.
    """
    fresh = _not_processed(webhooks)
    outcomes = {**_of_payments(fresh), **_of_subscriptions(fresh)}
    for told in sorted(fresh, key=_about_which_card):  # the order of their locks
        if told.event.event_id not in outcomes:
            outcomes[told.event.event_id] = _of_others(told)
    recorded = _record(fresh, outcomes)
    duplicate = Outcome("duplicate", "this event of Stripe's was processed before")
    final = {
        told.event.event_id: outcomes[told.event.event_id]
        if told in fresh and told.answer.webhook_event_id in recorded
        else duplicate
        for told in webhooks
    }
    outbox.publish(
        *[event for outcome in outcomes.values() for event in outcome.told],
        *[event for outcome in final.values() for event in outcome.passed_on],
        *[_processed(event, reading, final[event.event_id]) for event, reading in webhooks],
    )
    cover(_made_use_of(told.answer.look, outcomes[told.event.event_id]) for told in fresh)


def _made_use_of(look: Look | None, outcome: Outcome) -> Look | None:
    """Return what of a look nobody needs to see again."""
    if look is None:
        return None
    # Whoever looks again in another lane looks at what the webhook is about, not at all it saw.
    return look._replace(parts=()) if outcome.passed_on else look


def fail_discarded(webhooks: Sequence[WebhookReceived]) -> None:
    """Report webhooks that could not be handled, and that operators gave up."""
    failed = Outcome("failed", "it could not be handled, and an operator discarded it")
    told = [
        Answered(
            event,
            Reading(
                str(event.webhook_event.get("id") or event.event_id)[:255],
                str(event.webhook_event.get("type") or "")[:255],
                Ignored(""),
            ),
        )
        for event in webhooks
    ]
    fresh = _not_processed(told)
    _record(fresh, {event.event_id: failed for event, _ in fresh})
    outbox.publish(*[_processed(event, reading, failed) for event, reading in fresh])


def purge(*, at_once: int = AT_ONCE) -> int:
    """Delete a batch of what was processed more than WEBHOOK_RETENTION_DAYS ago; return its size.

    As long as Stripe lists an event, reconciliation compares it with these rows.
    """
    before = timezone.now() - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)
    old = WebhookEvent.objects.filter(processed_at__lt=before).order_by("processed_at")
    ids = old.values_list("id", flat=True)[:at_once]
    deleted, _ = WebhookEvent.objects.filter(id__in=list(ids)).delete()
    return deleted


def _not_processed(webhooks: Sequence[Told]) -> list[Told]:
    """Leave out what was processed before, and all but the first of an event that came twice."""
    done = selectors.processed_among(told.answer.webhook_event_id for told in webhooks)
    first: dict[str, Told] = {}
    for told in webhooks:
        if told.answer.webhook_event_id not in done:
            first.setdefault(told.answer.webhook_event_id, told)
    return list(first.values())


def _of_payments(webhooks: Sequence[Told]) -> dict[UUID, Outcome]:
    outcomes: dict[UUID, Outcome] = {}
    changes = []
    for event, reading, state in _in_the_order_of_locks(webhooks):
        if state.origin is None:
            outcomes[event.event_id] = _of_invoice(event, reading.look, state)
            continue
        if event.customer_id == state.origin.customer_id:
            changes.append(payments.StateChange(event, state.origin.payment_id, state))
        else:
            outcomes[event.event_id] = _passed_on(_refresh_payment(event, state))
    applied = payments.apply_states(changes)
    how = {
        payments.Applied.CHANGED: Outcome("applied"),
        payments.Applied.NOTHING_NEW: Outcome("stale", "nothing new about the payment"),
        payments.Applied.UNKNOWN: Outcome("ignored", "the payment is not known here"),
    }
    return outcomes | {change.cause.event_id: how[applied[change.payment_id]] for change in changes}


def _in_the_order_of_locks(
    webhooks: Sequence[Told],
) -> list[tuple[WebhookReceived, Reading, IntentState]]:
    found = [
        (event, reading, reading.news)
        for event, reading in webhooks
        if isinstance(reading.news, IntentState)
    ]
    return sorted(found, key=lambda one: one[2].payment_intent_id)


def _of_subscriptions(webhooks: Sequence[Told]) -> dict[UUID, Outcome]:
    outcomes: dict[UUID, Outcome] = {}
    changes = []
    for event, reading in webhooks:
        snapshot = reading.news
        if not isinstance(snapshot, SubscriptionSnapshot) or snapshot.origin is None:
            continue
        if event.customer_id == snapshot.origin.customer_id:
            change = subscriptions.SnapshotChange(event, snapshot.origin.subscription_id, snapshot)
            changes.append(change)
        else:
            outcomes[event.event_id] = _passed_on(_refresh_told(event, reading, snapshot))
    applied = subscriptions.apply_snapshots(changes)
    how = {
        subscriptions.Applied.CHANGED: Outcome("applied"),
        subscriptions.Applied.NOTHING_NEW: Outcome("stale", "nothing new about the subscription"),
        subscriptions.Applied.UNKNOWN: Outcome("ignored", "the subscription is not known here"),
    }
    return outcomes | {
        change.cause.event_id: how[applied[change.subscription_id]] for change in changes
    }


def _of_others(told: Told) -> Outcome:
    event, news = told.event, told.answer.news
    match news:
        case Covered():
            return Outcome("stale", "the object was read after this came")
        case Ignored():
            return Outcome("ignored", news.reason)
        case SetupTold():
            return _subscriptions_look(
                event,
                selectors.waiting_for_setup(news.setup_intent_id),
                "no subscription waits for the SetupIntent",
            )
        case CardTold():
            return _card_told(event, news)
        case CustomerGone():
            return _customer_gone(event, news)
    return Outcome("ignored", "it is not of our making")


def _of_invoice(event: WebhookReceived, look: Look | None, state: IntentState) -> Outcome:
    assert look is not None  # noqa: S101 - it was fetched
    match subscriptions.record_money_back(event, state, read_at=look.at):
        case subscriptions.Applied.CHANGED:
            return Outcome("applied")
        case subscriptions.Applied.NOTHING_NEW:
            return Outcome("stale", "nothing new about what went back")
    return Outcome("ignored", "no invoice known here was paid with the PaymentIntent")


def _about_which_card(told: Told) -> str:
    news = told.answer.news
    return news.payment_method_id if isinstance(news, CardTold) else ""


def _card_told(event: WebhookReceived, news: CardTold) -> Outcome:
    paying = selectors.paid_with(news.payment_method_id)
    looks = _subscriptions_look(event, paying, "a card that nobody here pays with")
    told = customers.update_card(
        news.payment_method_id,
        news.card,
        # A card that is nobody's comes in the lane of the Customer whose it was.
        stripe_customer_id=news.stripe_customer_id or event.customer_id,
        is_saved=bool(news.stripe_customer_id),
        cause=event,
    )
    if told is None:
        return looks
    return Outcome("applied", None, looks.passed_on, tuple(told))


def _customer_gone(event: WebhookReceived, news: CustomerGone) -> Outcome:
    told = customers.forget_customer(news.stripe_customer_id, cause=event)
    if told is None:
        return Outcome("ignored", "not a Customer of ours")
    return Outcome("applied", told=tuple(told))


def _subscriptions_look(
    event: WebhookReceived, found: Sequence[Subscription], otherwise: str
) -> Outcome:
    if not found:
        return Outcome("ignored", otherwise)
    return _passed_on(*[_refresh_subscription(event, row) for row in found])


def _passed_on(*events: Event) -> Outcome:
    return Outcome("applied", "passed on to its own lane", events)


def _refresh_payment(event: WebhookReceived, state: IntentState) -> PaymentUpdateRequested:
    origin = state.origin
    assert origin is not None  # noqa: S101 - the caller has looked
    return PaymentUpdateRequested(
        event_id=uuid5(_PASSED_ON, str(event.event_id)),
        correlation_id=origin.correlation_id,
        causation_id=event.event_id,
        source="payment-service",
        customer_id=origin.customer_id,
        payment_id=origin.payment_id,
        payment_intent_id=state.payment_intent_id,
        action="refresh",
    )


def _refresh_told(
    event: WebhookReceived, reading: Reading, snapshot: SubscriptionSnapshot
) -> SubscriptionUpdateRequested:
    origin = snapshot.origin
    assert origin is not None  # noqa: S101 - the caller has looked
    about = reading.look.about if reading.look else None
    return SubscriptionUpdateRequested(
        event_id=uuid5(_PASSED_ON, str(event.event_id)),
        correlation_id=origin.correlation_id,
        causation_id=event.event_id,
        source="payment-service",
        customer_id=origin.customer_id,
        subscription_id=origin.subscription_id,
        stripe_subscription_id=snapshot.stripe_subscription_id,
        invoice_id=about if about in [one.invoice_id for one in snapshot.invoices] else None,
        action="refresh",
    )


def _refresh_subscription(event: WebhookReceived, row: Subscription) -> SubscriptionUpdateRequested:
    event_id = uuid5(_PASSED_ON, f"{event.event_id}/{row.id}")
    return subscriptions.asked_of(
        row, event_id=event_id, causation_id=event.event_id, action="refresh"
    )


def _record(webhooks: Sequence[Told], outcomes: dict[UUID, Outcome]) -> set[str]:
    """Record what became of webhooks. Returns those that nobody else recorded meanwhile."""
    ids = [told.answer.webhook_event_id for told in webhooks]
    WebhookEvent.objects.filter(id__in=ids, outcome="failed").delete()
    ordered = sorted(webhooks, key=lambda told: told.answer.webhook_event_id)
    return bulk.insert_missing([_row(told, outcomes[told.event.event_id]) for told in ordered])


def _row(told: Told, outcome: Outcome) -> WebhookEvent:
    event, reading = told
    return WebhookEvent(
        id=reading.webhook_event_id,
        type=reading.webhook_event_type,
        object_id=reading.look.about if reading.look else "",
        customer_id=event.customer_id,
        outcome=outcome.word,
        reason=outcome.reason or "",
        received_at=event.timestamp,
        processed_at=timezone.now(),
    )


def _processed(event: WebhookReceived, reading: Reading, outcome: Outcome) -> WebhookProcessed:
    return WebhookProcessed.caused_by(
        event,
        webhook_event_id=reading.webhook_event_id,
        webhook_event_type=reading.webhook_event_type,
        outcome=outcome.word,
        reason=outcome.reason,
        received_at=event.timestamp,
    )
