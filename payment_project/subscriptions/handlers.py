"""What customers and operators ask of subscriptions."""

from collections.abc import Sequence

from kafka_bridge.contracts import SubscriptionRequested, SubscriptionUpdateRequested
from kafka_bridge.handlers import Answered, handles_answers, handles_discarded
from payment_project.stripe_gateway.subscription_states import SubscriptionSnapshot
from payment_project.stripe_gateway.subscriptions import subscription_id_of
from payment_project.subscriptions import services
from payment_project.subscriptions.calls import subscribe, update
from payment_project.subscriptions.errors import UnknownSubscription
from payment_project.subscriptions.services import Applied, SnapshotChange
from payment_project.turns.services import Covered, Read, cover


@handles_answers(SubscriptionRequested, call=subscribe)
def record_setups(setups: Sequence[Answered[SubscriptionRequested, SubscriptionSnapshot]]) -> None:
    """Record how the set-ups went, and report it."""
    services.apply_snapshots(
        [SnapshotChange(event, subscription_id_of(event), snapshot) for event, snapshot in setups]
    )


@handles_discarded(SubscriptionRequested)
def fail_discarded(requests: Sequence[SubscriptionRequested]) -> None:
    """Report subscriptions that operators gave up."""
    services.fail_discarded(requests)


@handles_discarded(SubscriptionUpdateRequested)
def refuse_discarded(requests: Sequence[SubscriptionUpdateRequested]) -> None:
    """Report what operators gave up of what was asked of subscriptions."""
    services.refuse_discarded(requests)


@handles_answers(SubscriptionUpdateRequested, call=update)
def record_updates(
    updates: Sequence[Answered[SubscriptionUpdateRequested, Read[SubscriptionSnapshot] | Covered]],
) -> None:
    """Record what became of subscriptions that somebody changed."""
    told = [(event, read) for event, read in updates if isinstance(read, Read)]
    applied = services.apply_snapshots(
        [SnapshotChange(event, event.subscription_id, read.news) for event, read in told]
    )
    unknown = [str(key) for key, how in applied.items() if how is Applied.UNKNOWN]
    if unknown:
        raise UnknownSubscription(f"no subscription {', '.join(unknown)}")
    cover(read.look for _, read in told)
