"""Refunds and disputes of what subscriptions paid."""

from datetime import datetime

from kafka_bridge import database, outbox
from kafka_bridge.contracts import Event
from payment_project.payments.services.money_back import amount_refunded
from payment_project.stripe_gateway.states import IntentState
from payment_project.subscriptions.models import Invoice, Subscription
from payment_project.subscriptions.services import telling
from payment_project.subscriptions.services.early_money_back import invoice_or_keep
from payment_project.subscriptions.services.invoices import MONEY_BACK
from payment_project.subscriptions.services.snapshots import Applied


def record_money_back(cause: Event, state: IntentState, *, read_at: datetime) -> Applied:
    """Record what went back of an invoice's PaymentIntent, as it was at `read_at`, and tell of it.

    `cause` may have come in anybody's lane, as a refund does not say whose invoice it is of, and
    another be handled at the same time: the state that was read last stands. It is told in the
    lane of the subscription's customer, to them and to analytics. If no invoice is known that the
    PaymentIntent pays, it is kept for one that may come.
    """
    known = Invoice.objects.filter(payment_intent_id=state.payment_intent_id)
    invoice = known.only("subscription_id").first() or invoice_or_keep(state, read_at)
    if invoice is None:
        return Applied.UNKNOWN
    # Whoever applies a snapshot locks the subscription as well.
    row = Subscription.objects.select_for_update().get(id=invoice.subscription_id)
    invoice = known.get(id=invoice.id)
    before = invoice.money_back_read_at
    if before and read_at <= before <= database.now():  # later is of a clock that was ahead
        return Applied.NOTHING_NEW
    shown = (invoice.amount_refunded, invoice.dispute_status)
    if state.refunds is not None:
        invoice.amount_refunded = amount_refunded(state.refunds)
    if state.disputes:
        invoice.dispute_status = state.disputes[-1].status
    invoice.money_back_read_at = read_at
    has_news = (invoice.amount_refunded, invoice.dispute_status) != shown
    if has_news:
        row.revision = invoice.revision = row.revision + 1
        row.save(update_fields=["revision"])
    invoice.save(update_fields=[*MONEY_BACK, "revision"])
    if not has_news:
        return Applied.NOTHING_NEW
    told = (telling.payment_updated(row, invoice, cause), telling.measured(row, invoice, cause))
    outbox.publish(*(one.model_copy(update={"customer_id": row.customer_id}) for one in told))
    return Applied.CHANGED
