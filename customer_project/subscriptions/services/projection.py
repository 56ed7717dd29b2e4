"""What the payment service says of subscriptions, shown to the customers."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from customer_project.subscriptions.models import Invoice, Subscription, SubscriptionEvent
from customer_project.subscriptions.services import news
from kafka_bridge import bulk
from kafka_bridge.contracts import (
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionState,
    SubscriptionStatusUpdated,
)

_AS_TOLD: Final = (
    *("status", "stripe_subscription_id", "subscription_plan_id", "amount", "currency"),
    *("interval", "interval_count", "quantity", "started_at", "current_period_start"),
    *("current_period_end", "trial_end", "cancel_at_period_end", "cancel_at", "canceled_at"),
    *("ended_at", "paused"),
)
_STATE: Final = (
    *_AS_TOLD,
    *("cancellation_reason", "card", "client_secret", "next_action", "error_code"),
    *("decline_code", "error_message", "preview", "refused", "updated_at"),
)


def apply_states(states: Sequence[SubscriptionState]) -> None:
    """Move subscriptions on to what the payment service says, unless newer was said before.

    The history gets every event once, late ones too: the topics are read side by side.
    """
    known = _known(state.subscription_id for state in states)
    ours = [state for state in states if state.subscription_id in known]
    if not ours:
        return
    moved = bulk.update_newer([_state(told) for told in ours], fields=_STATE)
    news.tell_of_ends(ours, moved=moved, before=known)
    _count(moved)
    SubscriptionEvent.objects.bulk_create(map(_line_of_state, ours), ignore_conflicts=True)


def apply_invoices(invoices: Sequence[SubscriptionPaymentUpdated]) -> None:
    """Keep invoices as the payment service says they are, unless newer was said before."""
    known = _known(invoice.subscription_id for invoice in invoices)
    ours = [invoice for invoice in invoices if invoice.subscription_id in known]
    if not ours:
        return
    before = Invoice.objects.in_bulk([invoice.invoice_id for invoice in ours])
    were_unpaid = news.unpaid(before)
    rows = [_invoice(told, before.get(told.invoice_id)) for told in ours]
    kept = bulk.upsert_newer(rows, keep=("created_at",))
    news.tell_of_invoices(ours, kept=kept, were_unpaid=were_unpaid)
    _count({told.subscription_id for told in ours if told.invoice_id in kept})
    SubscriptionEvent.objects.bulk_create(map(_line_of_invoice, ours), ignore_conflicts=True)


def _known(ids: Any) -> dict[UUID, str]:
    """Lock the subscriptions, and return their status until now."""
    rows = Subscription.objects.select_for_update().filter(id__in=list(ids)).order_by("id")
    return dict(rows.values_list("id", "status"))


def _count(ids: Collection[UUID]) -> None:
    if ids:
        Subscription.objects.filter(id__in=ids).update(changes=F("changes") + 1)


def _state(told: SubscriptionState) -> Subscription:
    update = told if isinstance(told, SubscriptionStatusUpdated) else None
    preview = update.preview.model_dump(mode="json") if update and update.preview else None
    answered = str(told.causation_id) if told.causation_id else None
    return Subscription(
        id=told.subscription_id,
        revision=told.revision or 1,
        **{name: getattr(told, name) for name in _AS_TOLD},
        cancellation_reason=told.cancellation_reason or "",
        card=told.card.model_dump(mode="json") if told.card else None,
        client_secret=(told.client_secret or "") if told.next_action else "",
        next_action=told.next_action,
        error_code=told.error_code or "",
        decline_code=told.decline_code or "",
        error_message=told.error or "",
        preview={**preview, "request": answered} if preview else None,
        refused=(update.refused or "") if update else "",
        updated_at=timezone.now(),
    )


def _invoice(told: SubscriptionPaymentUpdated, before: Invoice | None) -> Invoice:
    # What went back is told by somebody who did not look at the invoice: the links stay.
    link = told.hosted_invoice_url or (before.hosted_invoice_url if before else "")
    secret = before.client_secret if before and told.status == "open" else ""
    return Invoice(
        id=told.invoice_id,
        subscription_id=told.subscription_id,
        number=told.invoice_number or "",
        status=told.status,
        billing_reason=told.billing_reason,
        amount_due=told.amount_due,
        amount_paid=told.amount_paid,
        currency=told.currency,
        period_start=told.period_start,
        period_end=told.period_end,
        attempt=told.attempt,
        next_attempt_at=told.next_attempt_at,
        customer_can=told.customer_can or "",
        payment_intent_id=told.payment_intent_id or "",
        client_secret=told.client_secret or secret,
        hosted_invoice_url=link,
        error_code=told.error_code or "",
        decline_code=told.decline_code or "",
        error_message=told.error or "",
        amount_refunded=told.amount_refunded or 0,
        dispute_status=told.dispute_status or "",
        revision=told.revision or 1,
        created_at=told.timestamp,
    )


def _line_of_state(told: SubscriptionState) -> SubscriptionEvent:
    is_answer = isinstance(told, SubscriptionAnswered)
    return SubscriptionEvent(
        subscription_id=told.subscription_id,
        event_id=told.event_id,
        what="answered" if is_answer else "updated",
        source=told.source,
        answers=told.causation_id,
        subscription_plan_id=told.subscription_plan_id,
        status=told.status,
        refused=getattr(told, "refused", None) or "",
        error_code=told.error_code or "",
        revision=told.revision or 1,
        at=told.timestamp,
    )


def _line_of_invoice(told: SubscriptionPaymentUpdated) -> SubscriptionEvent:
    return SubscriptionEvent(
        subscription_id=told.subscription_id,
        event_id=told.event_id,
        what="invoice",
        source=told.source,
        answers=told.causation_id,
        status=told.status,
        invoice_id=told.invoice_id,
        amount=told.amount_due,
        amount_refunded=told.amount_refunded,
        error_code=told.error_code or "",
        revision=told.revision or 1,
        at=told.timestamp,
    )
