"""Renewals that are not paid: since when, what their customers are told, and when that ends."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from kafka_bridge import database, outbox
from kafka_bridge.contracts import SubscriptionStatus, SubscriptionUpdateRequested
from payment_project.subscriptions.models import DunningPolicy, Invoice, Subscription
from payment_project.subscriptions.services.asking import asked_of

_LATE: Final = (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)
_UNPAID: Final = UUID("0d4e7b64-8a0b-5c0e-b1f5-64756e6e696e")
_AT_ONCE: Final = 500
_TRIED_IN_VAIN: Final = Invoice.objects.filter(status="open", attempt__gt=0)


def policy_in_force() -> DunningPolicy:
    """Return the operators' policy, or else that of the settings."""
    return DunningPolicy.objects.first() or policy_of_settings()


def policy_of_settings() -> DunningPolicy:
    """Return the settings' policy, not saved."""
    codes = " ".join(settings.DUNNING["retry_codes"])
    return DunningPolicy(**{**settings.DUNNING, "retry_codes": codes})


def follow(rows: Sequence[Subscription], fresh: Mapping[UUID, Sequence[Invoice]]) -> None:
    """Set since when subscriptions are unpaid, by their invoices: recorded, and about to be."""
    late = {row.id for row in rows if row.status in _LATE}
    recorded = _unpaid_invoices(late) if late else []
    known = {invoice.id: invoice for invoice in recorded}
    known |= {invoice.id: invoice for key in late for invoice in fresh[key]}
    for row in rows:
        unpaid = [one for one in known.values() if one.subscription_id == row.id and _is_tried(one)]
        since = min((invoice.created_at for invoice in unpaid), default=None)
        if since != row.unpaid_since:
            row.unpaid_since, row.ending_asked_at = since, None
        row.unpaid_attempts = max((invoice.attempt for invoice in unpaid), default=0)


@transaction.atomic
def end_unpaid() -> int:
    """Publish that subscriptions are to end which the policy gives up, once for each.

    When its turn comes in its customer's lane, one whose invoice was paid meanwhile goes on.
    Returns how many were asked to end.
    """
    policy, now = policy_in_force(), database.now()
    is_given_up = Q()
    if policy.end_after_days:
        is_given_up |= Q(unpaid_since__lte=now - timedelta(days=policy.end_after_days))
    if policy.end_after_attempts:
        is_given_up |= Q(unpaid_attempts__gte=policy.end_after_attempts)
    if policy.at_end != "cancel" or not is_given_up:
        return 0
    its_own = _TRIED_IN_VAIN.filter(subscription=OuterRef("pk"))
    given_up = list(
        Subscription.objects.select_for_update(skip_locked=True)
        .filter(is_given_up, unpaid_since__isnull=False, ending_asked_at__isnull=True)
        .filter(Exists(its_own))
        .order_by("unpaid_since")[:_AT_ONCE]
    )
    newest_first = sorted(
        _unpaid_invoices({row.id for row in given_up}),
        key=lambda invoice: invoice.created_at,
        reverse=True,
    )
    oldest = {invoice.subscription_id: invoice.id for invoice in newest_first}
    for row in given_up:
        row.ending_asked_at = now
    Subscription.objects.bulk_update(given_up, ["ending_asked_at"])
    outbox.publish(*[_end(row, invoice_id=oldest[row.id]) for row in given_up])
    return len(given_up)


def _end(row: Subscription, *, invoice_id: str) -> SubscriptionUpdateRequested:
    assert row.ending_asked_at  # noqa: S101 - set by the caller
    # An invoice may be asked about again, if its subscription was not late in between.
    this_time = f"{row.id}/{invoice_id}/{row.ending_asked_at.isoformat()}"
    return asked_of(
        row,
        event_id=uuid5(_UNPAID, this_time),
        action="cancel",
        invoice_id=invoice_id,
    )


def _unpaid_invoices(subscription_ids: set[UUID]) -> list[Invoice]:
    return list(_TRIED_IN_VAIN.filter(subscription_id__in=subscription_ids))


def _is_tried(invoice: Invoice) -> bool:
    return invoice.status == "open" and invoice.attempt > 0
