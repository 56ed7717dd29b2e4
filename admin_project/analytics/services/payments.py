"""Facts of payments, and their sums."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from admin_project.analytics.latency import bucket_of
from admin_project.analytics.models import PaymentAggregate, PaymentFact, PaymentStep
from admin_project.analytics.services import money_back, sums
from kafka_bridge import bulk
from kafka_bridge.contracts import PaymentMeasured, PaymentStatus

_DIMENSION: Final = PaymentAggregate.Dimension
_FIELDS: Final = [field.name for field in PaymentFact._meta.concrete_fields]
_RULES: Final = {
    "answered_at": "LEAST({old}.answered_at, {new}.answered_at)",
    "three_d_secure": "{old}.three_d_secure OR {new}.three_d_secure",
    "challenged": "{old}.challenged OR {new}.challenged",
    "refused": "{old}.refused OR {new}.refused",
}
# The bank's question was answered wrongly, or with no.
_NOT_AUTHENTICATED: Final = "payment_intent_authentication_failure"
_RENEWAL: Final = "subscription_renewal"

Key = tuple[str, str, datetime, str, str, str, str]
Row = tuple[str, str, str]
"""Dimension, value and status."""


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
            _add_fact(changes, PaymentFact(**dict(zip(_FIELDS, before, strict=True))), -1)
        _add_fact(changes, PaymentFact(**dict(zip(_FIELDS, after, strict=True))), 1)
    # The facts' rows are locked from here on, so nobody else takes steps of these payments.
    for movement in money_back.record(events):
        _add_movement(changes, movement)
    sums.apply(PaymentAggregate, changes)


def _fact(event: PaymentMeasured) -> PaymentFact:
    captured = event.amount_captured
    if captured is None:
        captured = event.amount if event.status == PaymentStatus.SUCCEEDED else 0
    refused = event.error_code == _NOT_AUTHENTICATED
    asked = event.status == PaymentStatus.REQUIRES_ACTION or event.three_d_secure is not None
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
        three_d_secure=asked or refused,
        challenged=refused or event.three_d_secure == "challenge",
        refused=refused,
    )


def _add_fact(changes: sums.Changes[Key], fact: PaymentFact, sign: int) -> None:
    measures = (sign, sign * fact.amount, sign * fact.captured, 0, 0, 0)
    rows = [(dimension, value, fact.status) for dimension, value in _properties(fact)]
    if fact.payment_type != _RENEWAL:  # which nobody waits for: Stripe's invoice is an hour old
        waited = fact.answered_at - fact.requested_at
        rows.append((_DIMENSION.LATENCY.value, str(bucket_of(waited)), ""))
    if fact.three_d_secure:
        value = "refused" if fact.refused else "challenged" if fact.challenged else ""
        rows.append((_DIMENSION.THREE_D_SECURE.value, value, fact.status))
    _add(changes, fact.requested_at, rows, (fact.payment_type, fact.currency), measures)


def _add_movement(changes: sums.Changes[Key], movement: money_back.Movement) -> None:
    step = movement.step
    # Only what succeeded comes back.
    status = PaymentStatus.SUCCEEDED.value
    rows = [(dimension, value, status) for dimension, value in _properties(step)]
    measures = (0, 0, 0, movement.refunded, movement.refunds, movement.disputes)
    _add(changes, step.measured_at, rows, (step.payment_type, step.currency), measures)


def _add(
    changes: sums.Changes[Key],
    at: datetime,
    rows: Sequence[Row],
    of: tuple[str, str],
    measures: Sequence[int],
) -> None:
    for grain, starts_at in sums.starts_of(at):
        for dimension, value, status in rows:
            changes.add((dimension, grain, starts_at, value, *of, status), measures)


def _properties(of: PaymentFact | PaymentStep) -> Iterator[tuple[str, str]]:
    yield _DIMENSION.ALL.value, ""
    for dimension, value in (
        (_DIMENSION.COUNTRY, of.card_country),
        (_DIMENSION.CARD_BRAND, of.card_brand),
        (_DIMENSION.DECLINE_CODE, of.decline_code),
        (_DIMENSION.PLAN, of.plan),
    ):
        if value:
            yield dimension.value, value
