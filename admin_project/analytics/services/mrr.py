"""Monthly recurring revenue: what a subscription brings, and how its revisions moved that."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date
from fractions import Fraction
from typing import Final

from admin_project.analytics.models import MrrMovement, SubscriptionStep
from kafka_bridge.contracts import SubscriptionStatus
from kafka_bridge.contracts.subscriptions import SubscriptionState

_PAYING: Final = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)
_MONTHS: Final = {
    "day": Fraction(12, 365),
    "week": Fraction(12, 52),
    "month": Fraction(1),
    "year": Fraction(12),
}
_KIND: Final = MrrMovement.Kind


def mrr_of(state: SubscriptionState) -> int:
    """Return what the subscription brings a month, in minor units.

    Nothing in a trial, while its collection is paused, or once it is given up as unpaid. Past due
    counts until it is: https://docs.stripe.com/billing/subscriptions/analytics
    """
    if state.status not in _PAYING or state.paused:
        return 0
    months = _MONTHS[state.interval] * state.interval_count
    return round(state.amount * state.quantity / months)


def movements(steps: Sequence[SubscriptionStep]) -> Iterator[MrrMovement]:
    """Tell how the revisions of one subscription, the lowest first, moved its revenue."""
    brings, currency = 0, ""
    paying = [step.occurred_at.astimezone(UTC).date() for step in steps if step.mrr]
    cohort = paying[0].replace(day=1) if paying else date.min
    is_known = False
    for step in steps:
        before = brings if step.currency == currency else 0
        if brings and step.currency != currency:
            yield _movement(step, _KIND.CHURN, -brings, -1, cohort, currency=currency)
        if step.mrr and not is_known:
            is_known = True
            yield _movement(step, _KIND.NEW, step.mrr, 1, cohort)
        elif step.mrr and not before:
            yield _movement(step, _KIND.REACTIVATION, step.mrr, 1, cohort)
        elif step.mrr > before:
            yield _movement(step, _KIND.EXPANSION, step.mrr - before, 0, cohort)
        elif before and not step.mrr:
            yield _movement(step, _KIND.CHURN, -before, -1, cohort)
        elif step.mrr < before:
            yield _movement(step, _KIND.CONTRACTION, step.mrr - before, 0, cohort)
        brings, currency = step.mrr, step.currency


def _movement(
    step: SubscriptionStep,
    kind: MrrMovement.Kind,
    amount: int,
    paying: int,
    cohort: date,
    *,
    currency: str = "",
) -> MrrMovement:
    return MrrMovement(
        subscription_id=step.subscription_id,
        revision=step.revision,
        currency=currency or step.currency,
        kind=kind.value,
        amount=amount,
        paying=paying,
        plan=step.plan,
        cohort=cohort,
        occurred_at=step.occurred_at,
    )
