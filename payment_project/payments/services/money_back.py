"""Refunds and disputes: what goes back of a payment."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

from django.db.models import Model

from payment_project.payments.models import Dispute, Refund
from payment_project.payments.services.telling import MoneyBack
from payment_project.stripe_gateway.states import DisputeState, IntentState, RefundState

_MADE_AT_STRIPE: Final = UUID("4f0b3b68-5d2e-5f7b-8a1c-726566756e64")
_GIVES_BACK: Final = ("succeeded", "pending", "requires_action")


def amount_refunded(refunds: Sequence[RefundState]) -> int:
    """Sum up, in minor units, what refunds give back: those that succeeded, and may still."""
    return sum(refund.amount for refund in refunds if refund.status in _GIVES_BACK)


def record(states: Mapping[UUID, IntentState]) -> set[UUID]:
    """Record the refunds and disputes of payments. Returns the payments that have news of them."""
    refunds = [
        _refund(payment_id, refund)
        for payment_id, state in states.items()
        for refund in state.refunds or ()
    ]
    disputes = [
        _dispute(payment_id, dispute)
        for payment_id, state in states.items()
        for dispute in state.disputes or ()
    ]
    changes = ["stripe_refund_id", "amount", "status", "reason", "error"]
    return _upsert(refunds, changes) | _upsert(disputes, ["amount", "status", "reason"])


def of(payment_ids: Iterable[UUID]) -> dict[UUID, MoneyBack]:
    """Return what goes back of each payment."""
    ids = list(payment_ids)
    refunds: dict[UUID, list[Refund]] = {payment_id: [] for payment_id in ids}
    disputes: dict[UUID, list[Dispute]] = {payment_id: [] for payment_id in ids}
    if ids:
        for refund in Refund.objects.filter(payment_id__in=ids).order_by("created_at", "id"):
            refunds[refund.payment_id].append(refund)
        for dispute in Dispute.objects.filter(payment_id__in=ids).order_by("created_at", "id"):
            disputes[dispute.payment_id].append(dispute)
    return {payment_id: MoneyBack(refunds[payment_id], disputes[payment_id]) for payment_id in ids}


def _upsert(rows: Sequence[Any], fields: list[str]) -> set[UUID]:
    if not rows:
        return set()
    model: type[Model] = type(rows[0])
    known = model._default_manager.in_bulk([row.pk for row in rows])  # noqa: SLF001 - Django's API
    news = [
        row
        for row in rows
        if row.pk not in known
        or any(getattr(row, name) != getattr(known[row.pk], name) for name in fields)
    ]
    model._default_manager.bulk_create(  # noqa: SLF001
        news, update_conflicts=True, unique_fields=["id"], update_fields=fields
    )
    return {row.payment_id for row in news}


def _refund(payment_id: UUID, state: RefundState) -> Refund:
    return Refund(
        id=state.refund_id or uuid5(_MADE_AT_STRIPE, state.stripe_refund_id),
        payment_id=payment_id,
        stripe_refund_id=state.stripe_refund_id,
        made_at_stripe=state.refund_id is None,
        amount=state.amount,
        status=state.status,
        reason=state.reason,
        error=state.error,
        created_at=state.created_at,
    )


def _dispute(payment_id: UUID, state: DisputeState) -> Dispute:
    return Dispute(
        id=state.dispute_id,
        payment_id=payment_id,
        amount=state.amount,
        status=state.status,
        reason=state.reason,
        created_at=state.created_at,
    )
