"""Facts of subscriptions, and the movements of recurring revenue that follow from them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.db import connection

from admin_project.analytics.models import MrrMovement, SubscriptionFact, SubscriptionStep
from admin_project.analytics.services import mrr
from kafka_bridge import bulk
from kafka_bridge.contracts import SubscriptionStatus
from kafka_bridge.contracts.subscriptions import SubscriptionState

# Two topics tell of a subscription, so two consumers may at the same time.
_LOCK: Final = """
SELECT pg_advisory_xact_lock(hashtextextended(id, 0))
FROM (SELECT unnest(%s::text[]) AS id ORDER BY 1) AS subscription
"""
_SAME: Final = (
    "revision", "customer_id", "stripe_subscription_id", "status", "plan", "currency", "mrr",
    "cancellation_reason", "cancel_at_period_end", "started_at", "ended_at",
)  # fmt: skip


def record_states(events: Sequence[SubscriptionState]) -> None:
    """Keep the revisions that are new, and derive again what follows from all of theirs."""
    steps: dict[tuple[UUID, int], SubscriptionStep] = {}
    for event in events:
        step = _step(event)
        key = (step.subscription_id, step.revision)
        if key not in steps or _told(step) < _told(steps[key]):
            steps[key] = step
    ids = {subscription_id for subscription_id, _ in steps}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [[str(one) for one in ids]])
    known = _steps_of(ids)
    news = [
        step
        for step in steps.values()
        if (there := known[step.subscription_id].get(step.revision)) is None
        or _told(step) < _told(there)
    ]
    if not news:
        return
    bulk.replace(news)
    for step in news:
        known[step.subscription_id][step.revision] = step
    changed = {step.subscription_id for step in news}
    _derive([sorted(known[one].values(), key=lambda step: step.revision) for one in changed])


def _derive(histories: Sequence[Sequence[SubscriptionStep]]) -> None:
    facts = [_fact(steps, list(mrr.movements(steps))) for steps in histories]
    ids = [fact.subscription_id for fact in facts]
    bulk.replace(facts)
    MrrMovement.objects.filter(subscription_id__in=ids).delete()
    MrrMovement.objects.bulk_create(
        [movement for steps in histories for movement in mrr.movements(steps)]
    )


def _steps_of(ids: Iterable[UUID]) -> dict[UUID, dict[int, SubscriptionStep]]:
    steps: dict[UUID, dict[int, SubscriptionStep]] = defaultdict(dict)
    for step in SubscriptionStep.objects.filter(subscription_id__in=ids):
        steps[step.subscription_id][step.revision] = step
    return steps


def _told(step: SubscriptionStep) -> tuple[object, ...]:
    """Order what is told of one revision: the first stands, in whatever order they come."""
    return step.occurred_at, step.event_id


def _step(event: SubscriptionState) -> SubscriptionStep:
    return SubscriptionStep(
        subscription_id=event.subscription_id,
        revision=event.revision or 1,
        customer_id=event.customer_id,
        stripe_subscription_id=event.stripe_subscription_id,
        status=event.status.value,
        plan=event.subscription_plan_id,
        currency=event.currency,
        mrr=mrr.mrr_of(event),
        cancellation_reason=event.cancellation_reason or "",
        cancel_at_period_end=event.cancel_at_period_end,
        started_at=event.started_at,
        trial_end=event.trial_end,
        ended_at=event.ended_at,
        occurred_at=event.timestamp,
        event_id=event.event_id,
    )


def _fact(steps: Sequence[SubscriptionStep], movements: Sequence[MrrMovement]) -> SubscriptionFact:
    last = steps[-1]
    trials = [step.trial_end for step in steps if step.status == SubscriptionStatus.TRIALING]
    begun = [movement.occurred_at for movement in movements if movement.paying > 0]
    stopped = [movement.occurred_at for movement in movements if movement.paying < 0]
    return SubscriptionFact(
        subscription_id=last.subscription_id,
        **{name: getattr(last, name) for name in _SAME},
        changed_at=last.occurred_at,
        trial_end=trials[-1] if trials else None,
        first_paying_at=begun[0] if begun else None,
        churned_at=stopped[-1] if stopped and not last.mrr else None,
    )
