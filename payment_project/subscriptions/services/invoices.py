"""The invoices of subscriptions: what changed of them, and what their customers can do."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from kafka_bridge import bulk
from payment_project.stripe_gateway.subscription_states import (
    IntentStep,
    InvoiceSnapshot,
    SubscriptionSnapshot,
)
from payment_project.subscriptions.models import DunningPolicy, Invoice, Subscription
from payment_project.subscriptions.services import dunning
from payment_project.subscriptions.services.early_money_back import add_early

_VISIBLE: Final = (
    *("number", "status", "billing_reason", "amount_due", "amount_paid", "currency"),
    *("period_start", "period_end", "attempt", "next_attempt_at", "customer_can"),
    *("payment_intent_id", "payment_status", "error_code", "decline_code"),
)
MONEY_BACK: Final = ("amount_refunded", "dispute_status", "money_back_read_at")
"""What snapshots do not show: see `money_back`."""
_UNTRIED: Final = ("", "requires_payment_method", "requires_confirmation")


def changed(
    snapshots: Sequence[tuple[Subscription, SubscriptionSnapshot]],
) -> dict[UUID, list[Invoice]]:
    """Return the invoices that are not recorded as the snapshots have them, by subscription."""
    are_open = any(one.status == "open" for _, snapshot in snapshots for one in snapshot.invoices)
    policy = dunning.policy_in_force() if are_open else None
    told = {
        invoice.invoice_id: _row(row, snapshot, invoice, policy)
        for row, snapshot in snapshots
        for invoice in snapshot.invoices
    }
    recorded = Invoice.objects.in_bulk(list(told)) if told else {}
    news: dict[UUID, list[Invoice]] = {row.id: [] for row, _ in snapshots}
    for invoice in told.values():
        known = recorded.get(invoice.id)
        for name in MONEY_BACK if known else ():
            setattr(invoice, name, getattr(known, name))
        if known is None or _visible(known) != _visible(invoice):
            news[invoice.subscription_id].append(invoice)
    return news


def save(news: Mapping[UUID, Sequence[Invoice]], revisions: Mapping[UUID, int]) -> None:
    """Record invoices that changed, at their subscriptions' revisions, which must be locked."""
    rows = [invoice for some in news.values() for invoice in some]
    for invoice in rows:
        invoice.revision = revisions[invoice.subscription_id]
    add_early(rows)
    bulk.upsert_newer(rows)


def is_measured(invoice: Invoice) -> bool:
    """Tell whether money moved for an invoice, or was asked for in vain."""
    is_tried = invoice.payment_status not in _UNTRIED or bool(invoice.error_code)
    return invoice.amount_due > 0 and (is_tried or invoice.status == "paid")


def _visible(invoice: Invoice) -> list[Any]:
    return [getattr(invoice, name) for name in _VISIBLE]


def _row(
    row: Subscription,
    snapshot: SubscriptionSnapshot,
    told: InvoiceSnapshot,
    policy: DunningPolicy | None,
) -> Invoice:
    payment, is_over = told.payment, snapshot.ended_at is not None
    return Invoice(
        id=told.invoice_id,
        subscription_id=row.id,
        number=told.number,
        status=told.status,
        billing_reason=told.billing_reason,
        amount_due=told.amount_due,
        amount_paid=told.amount_paid,
        currency=told.currency,
        period_start=told.period_start,
        period_end=told.period_end,
        attempt=told.attempt,
        next_attempt_at=told.next_attempt_at,
        customer_can=_customer_can(told, payment, policy, is_over=is_over),
        payment_intent_id=payment.intent_id if payment else "",
        payment_status=payment.status if payment else "",
        error_code=payment.error_code if payment else "",
        decline_code=payment.decline_code if payment else "",
        error_message=payment.error_message if payment else "",
        created_at=told.created_at,
    )


def _customer_can(
    told: InvoiceSnapshot,
    payment: IntentStep | None,
    policy: DunningPolicy | None,
    *,
    is_over: bool,
) -> str:
    """Say what can be done about an unpaid invoice; empty if nothing is, or if it is too early."""
    if told.status in ("draft", "paid"):
        return ""
    if told.status != "open" or is_over or policy is None:
        return "nothing"
    if payment is None or payment.status in ("processing", "succeeded"):
        return "wait"
    if payment.status == "requires_action" or payment.error_code == "authentication_required":
        return "authenticate"
    return _with_their_card(told, payment, policy)


def _with_their_card(told: InvoiceSnapshot, payment: IntentStep, policy: DunningPolicy) -> str:
    if not payment.error_code and not told.attempt:
        return "wait"
    if not (told.next_attempt_at and policy.may_pass(payment.decline_code or payment.error_code)):
        return "change_card"
    return "wait" if told.attempt >= policy.tell_from_attempt else ""
