"""Facts of payments, and their sums."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from admin_project.analytics.latency import bucket_of
from admin_project.analytics.models import Grain, PaymentAggregate, PaymentFact
from admin_project.analytics.services import sums
from kafka_bridge import bulk
from kafka_bridge.contracts import PaymentMeasured, PaymentStatus

_DIMENSION: Final = PaymentAggregate.Dimension
_FIELDS: Final = [field.name for field in PaymentFact._meta.concrete_fields]
_RULES: Final = {
    "answered_at": "LEAST({old}.answered_at, {new}.answered_at)",
    "three_d_secure": "{old}.three_d_secure OR {new}.three_d_secure",
}

Key = tuple[str, str, datetime, str, str, str, str]


def record_measurements(events: Sequence[PaymentMeasured]) -> None:
    """Merge the measurements into the facts, and the difference that this makes into the sums."""
    changes = sums.Changes[Key]()
    merged = bulk.merge(
        [_fact(event) for event in events],
        version=("revision", "measured_at", "event_id"),
        rules=_RULES,
    )
    for before, after in merged:
        if before is not None:
            _add(changes, PaymentFact(**dict(zip(_FIELDS, before, strict=True))), -1)
        _add(changes, PaymentFact(**dict(zip(_FIELDS, after, strict=True))), 1)
    sums.apply(PaymentAggregate, changes)


def _fact(event: PaymentMeasured) -> PaymentFact:
    captured = event.amount_captured
    if captured is None:
        captured = event.amount if event.status == PaymentStatus.SUCCEEDED else 0
    return PaymentFact(
        payment_id=event.payment_id,
        payment_intent_id=event.payment_intent_id,
        customer_id=event.customer_id,
        payment_type=event.payment_type,
        status=event.status.value,
        amount=event.amount,
        captured=captured,
        refunded=event.amount_refunded or 0,
        currency=event.currency,
        decline_code=event.decline_code or "",
        card_brand=event.card_brand or "",
        card_country=event.card_country or "",
        plan=event.subscription_plan_id or "",
        subscription_id=event.subscription_id,
        dispute_status=event.dispute_status or "",
        requested_at=event.requested_at,
        measured_at=event.timestamp,
        revision=event.revision or 1,
        event_id=event.event_id,
        answered_at=event.timestamp,
        three_d_secure=event.status == PaymentStatus.REQUIRES_ACTION,
    )


def _add(changes: sums.Changes[Key], fact: PaymentFact, sign: int) -> None:
    measures = (
        sign,
        sign * fact.amount,
        sign * fact.captured,
        sign * fact.refunded,
        sign * (fact.refunded > 0),
        sign * (fact.dispute_status != ""),
    )
    hour = fact.requested_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    rest = (fact.payment_type, fact.currency, fact.status)
    for dimension, value in _seen_as(fact):
        changes.add((dimension, Grain.HOUR.value, hour, value, *rest), measures)
        changes.add((dimension, Grain.DAY.value, day, value, *rest), measures)


def _seen_as(fact: PaymentFact) -> Iterator[tuple[str, str]]:
    yield _DIMENSION.ALL.value, ""
    waited = fact.answered_at - fact.requested_at
    yield _DIMENSION.LATENCY.value, str(bucket_of(waited))
    for dimension, value in (
        (_DIMENSION.COUNTRY, fact.card_country),
        (_DIMENSION.CARD_BRAND, fact.card_brand),
        (_DIMENSION.DECLINE_CODE, fact.decline_code),
        (_DIMENSION.PLAN, fact.plan),
    ):
        if value:
            yield dimension.value, value
    if fact.three_d_secure:
        yield _DIMENSION.THREE_D_SECURE.value, ""
