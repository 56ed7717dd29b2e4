"""Requests to subscribe that came to nothing."""

from collections.abc import Sequence
from typing import Final

from kafka_bridge.contracts import SubscriptionRequested
from payment_project.stripe_gateway.states import Refusal
from payment_project.stripe_gateway.subscriptions import failed_snapshot, subscription_id_of
from payment_project.subscriptions.models import Subscription
from payment_project.subscriptions.services.snapshots import SnapshotChange, apply_snapshots

_DISCARDED: Final = Refusal("discarded", "The subscription could not be made.")


def fail_discarded(requests: Sequence[SubscriptionRequested]) -> None:
    """Record requests that operators gave up as failed, so that their customers hear of it.

    A subscription that is recorded already stays as it is. Should Stripe have made one all the
    same, its webhook tells, and the subscription moves on to that.
    """
    wanted = {subscription_id_of(request): request for request in requests}
    recorded = set(Subscription.objects.filter(id__in=wanted).values_list("id", flat=True))
    apply_snapshots(
        [
            SnapshotChange(request, subscription_id, failed_snapshot(request, _DISCARDED))
            for subscription_id, request in wanted.items()
            if subscription_id not in recorded
        ]
    )
