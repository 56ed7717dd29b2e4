"""What customers are told of their subscriptions."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from customer_project.subscriptions.models import Invoice, Subscription
from customer_project.subscriptions.signals import News, customer_told
from kafka_bridge.contracts import (
    SubscriptionPaymentUpdated,
    SubscriptionState,
    SubscriptionStatus,
)

_UNPAID: Final = {
    "wait": News.RENEWAL_FAILED,
    "change_card": News.CHANGE_CARD,
    "authenticate": News.BANK_ASKS,
}
_NOT_BEGUN: Final = (
    SubscriptionStatus.REQUESTED,
    SubscriptionStatus.INCOMPLETE,
    SubscriptionStatus.CANCELED,
)
_FIRST: Final = "subscription_create"
"""Its customer is at the page, which tells them."""


def unpaid(ids: Collection[str]) -> set[str]:
    """Return which of these invoices were tried in vain, and the customer can do something."""
    rows = Invoice.objects.filter(
        id__in=ids, status="open", attempt__gt=0, customer_can__in=_UNPAID
    )
    return set(rows.exclude(billing_reason=_FIRST).values_list("id", flat=True))


def tell_of_invoices(
    told: Sequence[SubscriptionPaymentUpdated], *, kept: Collection[str], were_unpaid: set[str]
) -> None:
    """Tell what became of invoices, of each the newest: `kept` are those that moved on."""
    newest = {one.invoice_id: one for one in sorted(told, key=lambda one: one.revision or 1)}
    for invoice_id, invoice in newest.items():
        kind = _kind_of(invoice, was_unpaid=invoice_id in were_unpaid)
        if kind and invoice_id in kept:
            _send(kind, invoice.subscription_id, invoice_id=invoice_id, attempt=invoice.attempt)


def tell_of_ends(
    states: Sequence[SubscriptionState], *, moved: Collection[UUID], before: Mapping[UUID, str]
) -> None:
    """Tell whose subscription has ended that had begun."""
    newest = {one.subscription_id: one for one in sorted(states, key=lambda one: one.revision or 1)}
    for subscription_id, state in newest.items():
        has_ended = state.status == SubscriptionStatus.CANCELED
        if has_ended and subscription_id in moved and before[subscription_id] not in _NOT_BEGUN:
            _send(News.ENDED, subscription_id)


def _kind_of(invoice: SubscriptionPaymentUpdated, *, was_unpaid: bool) -> News | None:
    if invoice.billing_reason == _FIRST:
        return None
    if invoice.status == "open":
        return _UNPAID.get(invoice.customer_can or "") if invoice.attempt else None
    return News.RECOVERED if was_unpaid and invoice.status == "paid" else None


def _send(kind: News, subscription_id: UUID, *, invoice_id: str = "", attempt: int = 0) -> None:
    customer_told.send(
        sender=Subscription,
        kind=kind,
        subscription_id=subscription_id,
        invoice_id=invoice_id,
        attempt=attempt,
    )
