"""Requests that operators gave up as dead letters: whoever asked is told."""

from collections.abc import Sequence
from typing import Final

from kafka_bridge import outbox
from kafka_bridge.contracts import (
    SubscriptionRequested,
    SubscriptionStatus,
    SubscriptionUpdateRequested,
)
from payment_project.stripe_gateway.states import Refusal
from payment_project.stripe_gateway.subscriptions import failed_snapshot, subscription_id_of
from payment_project.subscriptions.models import Subscription
from payment_project.subscriptions.services import telling
from payment_project.subscriptions.services.snapshots import SnapshotChange, apply_snapshots

_NOT_MADE: Final = Refusal("discarded", "The subscription could not be made.")
_GIVEN_UP: Final = "This was given up."


def fail_discarded(requests: Sequence[SubscriptionRequested]) -> None:
    """Record subscriptions that were asked for as failed.

    One that is recorded already stays as it is. Should Stripe have made one all the
    same, its webhook tells, and the subscription moves on to that.
    """
    wanted = {subscription_id_of(request): request for request in requests}
    recorded = set(Subscription.objects.filter(id__in=wanted).values_list("id", flat=True))
    apply_snapshots(
        [
            SnapshotChange(request, subscription_id, failed_snapshot(request, _NOT_MADE))
            for subscription_id, request in wanted.items()
            if subscription_id not in recorded
        ]
    )


def refuse_discarded(requests: Sequence[SubscriptionUpdateRequested]) -> None:
    """Tell that what was asked of subscriptions was given up: they stay as they are recorded.

    What dunning asked may be asked again. Nothing is told of one whose customer may be at the bank:
    only Stripe knows how they go on there.
    """
    told = []
    for request in requests:
        known = Subscription.objects.select_for_update().filter(id=request.subscription_id)
        row = known.filter(customer_id=request.customer_id).first()
        if row is None or request.action == "refresh":
            continue
        row.ending_asked_at = None
        if row.status != SubscriptionStatus.INCOMPLETE and not row.setup_status:
            row.revision += 1
            told.append(telling.refused(row, request, why=_GIVEN_UP))
        row.save(update_fields=["revision", "ending_asked_at"])
    outbox.publish(*told)
