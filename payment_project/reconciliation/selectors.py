"""What diverges, by what was seen at Stripe."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Max

from payment_project.payments.models import Payment
from payment_project.reconciliation.models import Divergence, Run
from payment_project.stripe_gateway.changes import PaymentSeen, SubscriptionSeen
from payment_project.subscriptions.models import Subscription
from payment_project.webhooks import selectors as webhooks
from payment_project.webhooks.types import HANDLED

_OVERLAP: Final = timedelta(minutes=10)
_KEPT: Final = timedelta(days=30)
"""How long Stripe lists events: https://docs.stripe.com/api/events"""

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
    """Return the webhooks that this service handles and never saw."""
    wanted = {event["id"]: event["type"] for event in events if event["type"] in HANDLED}
    known = webhooks.processed_among(wanted)
    return {
        event_id: ("missed_webhook", kind)
        for event_id, kind in wanted.items()
        if event_id not in known
    }


def diverging_payments(seen: Sequence[PaymentSeen]) -> Found:
    """Return the payments of ours that are missing here, or are otherwise than at Stripe."""
    ours = {one.origin.payment_id: one for one in seen if one.origin}
    rows = {row.id: row for row in Payment.objects.filter(id__in=ours)}
    found: Found = {}
    for payment_id, one in ours.items():
        row = rows.get(payment_id)
        there = (one.status, one.amount_captured, one.amount_refunded)
        if row is None:
            found[one.payment_intent_id] = ("missing_payment", one.status)
        elif (here := (row.status, row.amount_captured, row.amount_refunded)) != there:
            found[one.payment_intent_id] = ("different_payment", f"{here} here, {there} there")
    return found


def diverging_subscriptions(seen: Sequence[SubscriptionSeen]) -> Found:
    """Return the subscriptions of ours that are missing here, or are otherwise than at Stripe."""
    ours = {one.origin.subscription_id: one for one in seen if one.origin}
    rows = {row.id: row for row in Subscription.objects.filter(id__in=ours)}
    found: Found = {}
    for subscription_id, one in ours.items():
        row = rows.get(subscription_id)
        if row is None:
            found[one.stripe_subscription_id] = ("missing_subscription", one.status)
        elif row.status not in (one.status, "failed"):
            said = f"{row.status} here, {one.status} there"
            found[one.stripe_subscription_id] = ("different_subscription", said)
    return found


def open_divergences() -> dict[str, int]:
    """Count the divergences that no later run saw resolved, by kind."""
    still = Divergence.objects.filter(resolved_at=None)
    return dict(still.values_list("kind").annotate(Count("id")).order_by("kind"))
