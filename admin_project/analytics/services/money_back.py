"""What came back of payments, and when: the differences between their revisions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from admin_project.analytics.models import PaymentStep
from kafka_bridge import bulk
from kafka_bridge.contracts import PaymentMeasured

Steps = dict[int, PaymentStep]


@dataclass(frozen=True, kw_only=True)
class Movement:
    """What changed with a step of a payment; negative if a refund failed, or is taken back here."""

    step: PaymentStep
    refunded: int
    refunds: int
    disputes: int

    @property
    def undone(self) -> "Movement":
        """What takes it back."""
        return Movement(
            step=self.step,
            refunded=-self.refunded,
            refunds=-self.refunds,
            disputes=-self.disputes,
        )


def record(events: Sequence[PaymentMeasured]) -> list[Movement]:
    """Keep the steps that are new, and return how what came back is other than it was.

    Whoever calls holds the payments' facts, so that nobody else does at the same time.
    """
    told = [step for event in events if _matters(step := _step(event))]
    if not told:
        return []
    known = _known({step.payment_id for step in told})
    new: dict[tuple[UUID, int], PaymentStep] = {}
    before = {one: list(_movements(known[one])) for one in {step.payment_id for step in told}}
    for step in told:
        there = known[step.payment_id].get(step.revision)
        if there is None or _order(there) < _order(step):
            known[step.payment_id][step.revision] = new[step.payment_id, step.revision] = step
    bulk.replace(list(new.values()))
    changed = {payment_id for payment_id, _ in new}
    return [
        *(movement.undone for one in changed for movement in before[one]),
        *(movement for one in changed for movement in _movements(known[one])),
    ]


def _matters(step: PaymentStep) -> bool:
    # Before a first revision there was nothing, so it says something only if anything is back.
    return step.revision > 1 or step.refunded > 0 or step.disputed


def _known(ids: Iterable[UUID]) -> Mapping[UUID, Steps]:
    known: dict[UUID, Steps] = defaultdict(dict)
    for step in PaymentStep.objects.filter(payment_id__in=ids):
        known[step.payment_id][step.revision] = step
    return known


def _movements(steps: Steps) -> Iterator[Movement]:
    refunded, disputed = 0, False
    for revision in sorted(steps):
        step = steps[revision]
        back = step.refunded - refunded
        disputes = step.disputed - disputed
        if back or disputes:
            refunds = (back > 0) - (back < 0)
            yield Movement(step=step, refunded=back, refunds=refunds, disputes=disputes)
        refunded, disputed = step.refunded, step.disputed


def _order(step: PaymentStep) -> tuple[object, ...]:
    """Order what is told of one revision: the last stands, as with facts."""
    return step.measured_at, step.event_id


def _step(event: PaymentMeasured) -> PaymentStep:
    return PaymentStep(
        payment_id=event.payment_id,
        revision=event.revision or 1,
        payment_type=event.payment_type,
        currency=event.currency,
        decline_code=event.decline_code or "",
        card_brand=event.card_brand or "",
        card_country=event.card_country or "",
        plan=event.subscription_plan_id or "",
        refunded=event.amount_refunded or 0,
        disputed=bool(event.dispute_status),
        measured_at=event.timestamp,
        event_id=event.event_id,
    )
