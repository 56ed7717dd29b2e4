"""What diverges, by what was seen at Stripe."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Max

from kafka_bridge.contracts import PaymentStatus, SubscriptionStatus
from payment_project.payments.models import Dispute, Payment, Refund
from payment_project.reconciliation.models import Divergence, Run
from payment_project.stripe_gateway.changes import PartSeen, PaymentSeen, SubscriptionSeen
from payment_project.subscriptions.models import Invoice, Subscription
from payment_project.webhooks import selectors as webhooks
from payment_project.webhooks.types import HANDLED

_OVERLAP: Final = timedelta(minutes=10)
_KEPT: Final = timedelta(days=30)
"""How long Stripe lists events: https://docs.stripe.com/api/events"""
_ONE_BY_ONE: Final = 100
_COMPARED: Final = (
    *("status", "subscription_plan_id", "amount", "currency", "quantity", "paused"),
    *("cancel_at_period_end", "cancel_at", "current_period_end"),
)
"""What a subscription's row must have in common with Stripe's."""

Found = dict[str, tuple[str, str]]
"""Stripe's id → the kind of the divergence, and what is to be said of it."""


def read_until(now: datetime) -> datetime:
    """Return from when on a run has to read: what the last one that ended may not have seen."""
    ended = Run.objects.filter(finished_at__isnull=False).aggregate(last=Max("started_at"))
    last: datetime | None = ended["last"]
    if last is None:
        return now - _KEPT
    too_young_then = timedelta(seconds=settings.RECONCILE_GRACE)
    return max(last - _OVERLAP - too_young_then, now - _KEPT)


def missed(events: Sequence[Mapping[str, Any]]) -> Found:
    """Return the webhooks that this service handles, and never saw or cannot handle."""
    wanted = {event["id"]: event["type"] for event in events if event["type"] in HANDLED}
    known = webhooks.known_among(wanted)
    return {
        event_id: ("missed_webhook", kind)
        for event_id, kind in wanted.items()
        if event_id not in known
    }


def diverging_payments(seen: Sequence[PaymentSeen]) -> Found:
    """Return the PaymentIntents of our payments whose rows are missing or otherwise here.

    Of a payment that has another one, those that may hold its money a second time.
    """
    rows = Payment.objects.in_bulk([one.origin.payment_id for one in seen if one.origin])
    found: Found = {}
    for one in seen:
        if not one.origin:
            continue
        row = rows.get(one.origin.payment_id)
        there = (one.status, one.amount_captured, one.amount_refunded)
        if row is None:
            found[one.payment_intent_id] = ("missing_payment", one.status)
        elif row.payment_intent_id not in ("", one.payment_intent_id):
            if _may_hold_money(one):
                found[one.payment_intent_id] = (
                    "second_payment",
                    f"{one.status}, beside {row.payment_intent_id}: cancel or refund one there",
                )
        elif (here := (row.status, row.amount_captured, row.amount_refunded)) != there:
            found[one.payment_intent_id] = ("different_payment", f"{here} here, {there} there")
    return found


def diverging_subscriptions(seen: Sequence[SubscriptionSeen]) -> Found:
    """Return Stripe's Subscriptions of ours whose rows are missing or otherwise here.

    Of a subscription that has another one, those that may be paid for a second time.
    """
    ours = [(one.origin.subscription_id, one) for one in seen if one.origin]
    rows = Subscription.objects.in_bulk([subscription_id for subscription_id, _ in ours])
    latest = [one.snapshot.latest_invoice_id for _, one in ours]
    invoices = dict(Invoice.objects.filter(id__in=latest).values_list("id", "status"))
    found: Found = {}
    for subscription_id, one in ours:
        row, stripes = rows.get(subscription_id), one.snapshot.stripe_subscription_id
        if row is None:
            found[stripes] = ("missing_subscription", one.snapshot.status)
        elif row.stripe_subscription_id not in ("", stripes):
            if not one.snapshot.has_ended:
                found[stripes] = (
                    "second_subscription",
                    f"{one.snapshot.status}, beside {row.stripe_subscription_id}: cancel one there",
                )
        elif said := _differences(row, one, invoices.get(one.snapshot.latest_invoice_id, "")):
            found[stripes] = ("different_subscription", said)
    return found


def diverging_refunds(seen: Sequence[PartSeen]) -> Found:
    """Return the refunds of our payments that are missing here, or are otherwise than at Stripe."""
    rows = Refund.objects.filter(stripe_refund_id__in=[one.object_id for one in seen])
    known = rows.values_list("stripe_refund_id", "amount", "status")
    return _diverging_parts("different_refund", seen, _captured(seen), known)


def diverging_disputes(seen: Sequence[PartSeen]) -> Found:
    """Return the disputes of our payments that are missing here, or are otherwise at Stripe."""
    rows = Dispute.objects.filter(id__in=[one.object_id for one in seen])
    known = rows.values_list("id", "amount", "status")
    return _diverging_parts("different_dispute", seen, _captured(seen), known)


def diverging_invoices(seen: Sequence[PartSeen]) -> Found:
    """Return the invoices of our subscriptions that are missing here, or otherwise at Stripe."""
    rows = Invoice.objects.filter(id__in=[one.object_id for one in seen])
    known = rows.values_list("id", "amount_paid", "status")
    subscriptions = Subscription.objects.filter(
        stripe_subscription_id__in={one.part_of for one in seen} - {""}
    ).exclude(status=SubscriptionStatus.FAILED)  # what Stripe has of it was ended
    ours = set(subscriptions.values_list("stripe_subscription_id", flat=True))
    return _diverging_parts("different_invoice", seen, ours, known)


def open_before(moment: datetime) -> dict[str, list[str]]:
    """Return Stripe's ids of what was found and not looked at since, by the kind of object.

    Those that were asked about longest ago, and so many as a run can look at one by one.
    """
    still = Divergence.objects.filter(resolved_at=None, asked_at__lt=moment)
    found: dict[str, list[str]] = {}
    rows = still.order_by("asked_at", "id").values_list("kind", "object_id")
    for kind, object_id in rows[:_ONE_BY_ONE]:
        found.setdefault(kind.partition("_")[2], []).append(object_id)
    return found


def _may_hold_money(seen: PaymentSeen) -> bool:
    if seen.status == PaymentStatus.SUCCEEDED:
        return seen.amount_refunded < seen.amount_captured
    return seen.status not in (PaymentStatus.CANCELED, PaymentStatus.REQUIRES_PAYMENT_METHOD)


def _captured(seen: Sequence[PartSeen]) -> set[str]:
    # Until 2025 Stripe showed an authorisation that was given up as a refund.
    ours = Payment.objects.filter(
        payment_intent_id__in={one.part_of for one in seen} - {""}, amount_captured__gt=0
    )
    return set(ours.values_list("payment_intent_id", flat=True))


def _diverging_parts(
    kind: str,
    seen: Sequence[PartSeen],
    ours: Collection[str],
    known: Iterable[tuple[str, int, str]],
) -> Found:
    recorded = {object_id: (amount, status) for object_id, amount, status in known}
    found: Found = {}
    for one in seen:
        here, there = recorded.get(one.object_id), (one.amount, one.status)
        if one.part_of in ours and here != there:
            found[one.object_id] = (kind, f"{here or 'nothing'} here, {there} there")
    return found


def _differences(row: Subscription, seen: SubscriptionSeen, invoice_status: str) -> str:
    if row.status == SubscriptionStatus.FAILED:
        return ""  # what Stripe has of it was ended
    pairs = [(name, getattr(row, name), getattr(seen.snapshot, name)) for name in _COMPARED]
    pairs.append(("latest invoice", invoice_status, seen.latest_invoice_status))
    return "; ".join(
        f"{name}: {here} here, {there} there" for name, here, there in pairs if here != there
    )


def open_divergences() -> dict[str, int]:
    """Count the divergences that no later run saw resolved, by kind."""
    still = Divergence.objects.filter(resolved_at=None)
    return dict(still.values_list("kind").annotate(Count("id")).order_by("kind"))
