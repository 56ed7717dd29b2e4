"""A subscription's life: incomplete, trialing, active, past due, unpaid, paused, canceled.

https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
"""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.objects import hidden
from devstack.stripe_emulator.resources import invoice_drafts, invoice_lines, invoice_states
from devstack.stripe_emulator.resources.billing_periods import period_around
from devstack.stripe_emulator.session import Session

ENDED = ("canceled", "incomplete_expired")
BILLED = ("active", "trialing", "past_due", "unpaid")
EXPIRES_AFTER = 23 * 3600


def change(session: Session, subscription: StripeObject, **fields: Any) -> StripeObject:
    """Set fields, and tell what changed if anything did."""
    previous = {
        name: subscription[name] for name, value in fields.items() if subscription[name] != value
    }
    session.save(subscription, **fields)
    if previous:
        session.emit("customer.subscription.updated", subscription, previous=previous)
    return subscription


def set_period(subscription: StripeObject, *, at: int) -> tuple[int, int]:
    """Put every item into the period that `at` lies in, and return that of the first."""
    for item in subscription["items"]["data"]:
        recurring = item["price"]["recurring"]
        start, end = period_around(
            anchor=subscription["billing_cycle_anchor"], recurring=recurring, at=at
        )
        item.update(current_period_start=start, current_period_end=end)
    return current_period(subscription)


def current_period(subscription: StripeObject) -> tuple[int, int]:
    """Return the start and end of the first item's period."""
    first = subscription["items"]["data"][0]
    return first["current_period_start"], first["current_period_end"]


def invoice_now(
    session: Session, subscription: StripeObject, *, reason: str, free: bool = False
) -> StripeObject:
    """Make the draft of the current period, with what was waiting."""
    customer = session.the(subscription["customer"])
    invoice = invoice_drafts.make_draft(
        session,
        customer,
        currency=subscription["currency"],
        reason=reason,
        subscription=subscription,
        period=current_period(subscription),
        collection_method=subscription["collection_method"],
    )
    lines = [
        invoice_lines.of_period(session, subscription, item, free=free)
        for item in subscription["items"]["data"]
    ]
    invoice_lines.add(invoice, lines)
    invoice_drafts.collect_pending_items(session, invoice, subscription)
    session.save(subscription, latest_invoice=invoice["id"])
    session.emit("invoice.created", invoice)
    return invoice


def cancel(
    session: Session,
    subscription: StripeObject,
    *,
    reason: str = "cancellation_requested",
    details: dict[str, Any] | None = None,
) -> StripeObject:
    """End a subscription now; its drafts and open invoices are collected no further."""
    if subscription["status"] in ENDED:
        raise StripeError(
            f"No such subscription: '{subscription['id']}'",
            status=404,
            code="resource_missing",
            param="id",
        )
    now = session.now(subscription)
    for invoice in session.all("invoice", subscription=subscription["id"]):
        if invoice["status"] in ("draft", "open"):
            session.save(
                invoice,
                auto_advance=False,
                automatically_finalizes_at=None,
                next_payment_attempt=None,
            )
    session.save(
        subscription,
        status="canceled",
        canceled_at=subscription["canceled_at"] or now,
        cancel_at_period_end=False,
        cancellation_details={
            **subscription["cancellation_details"],
            **(details or {}),
            "reason": reason,
        },
        ended_at=now,
        pause_collection=None,
        pending_update=None,
    )
    session.emit("customer.subscription.deleted", subscription)
    return subscription


def expire(session: Session, subscription: StripeObject) -> None:
    """Give up a subscription whose first invoice was not paid in 23 hours."""
    session.save(subscription, status="incomplete_expired", ended_at=session.now(subscription))
    for invoice in session.all("invoice", subscription=subscription["id"]):
        if invoice["status"] == "open":
            invoice_states.void(session, invoice)
    session.emit("customer.subscription.updated", subscription, previous={"status": "incomplete"})


def renew(session: Session, subscription: StripeObject) -> None:
    """Begin the next period: its draft is finalized and paid an hour later."""
    period_end = current_period(subscription)[1]
    set_period(subscription, at=period_end)
    status = "active" if subscription["status"] == "trialing" else subscription["status"]
    previous = {"items": {}, "status": subscription["status"]}
    session.save(subscription, status=status)
    session.emit(
        "customer.subscription.updated",
        subscription,
        previous=previous if status != previous["status"] else {"items": {}},
    )
    invoice = invoice_now(session, subscription, reason="subscription_cycle")
    paused = subscription["pause_collection"]
    if subscription["status"] == "unpaid" or (paused and paused["behavior"] == "keep_as_draft"):
        session.save(invoice, auto_advance=False)
        return
    session.save(
        invoice,
        automatically_finalizes_at=session.now(subscription) + invoice_states.DRAFT_SECONDS,
    )


def end_trial(session: Session, subscription: StripeObject) -> None:
    """Begin to bill, unless there is nothing to bill with and the trial said what then."""
    behaviour = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    has_method = (
        subscription["default_payment_method"]
        or (session.the(subscription["customer"])["invoice_settings"]["default_payment_method"])
    )
    if has_method or behaviour == "create_invoice":
        renew(session, subscription)
    elif behaviour == "cancel":
        cancel(session, subscription, reason="payment_failed")
    else:
        change(session, subscription, status="paused")
        session.emit("customer.subscription.paused", subscription)


def collect(session: Session, invoice: StripeObject, *, off_session: bool = True) -> None:
    """Finalize a renewal's draft and take the money, as its subscription has it."""
    subscription = invoice_states.subscription_of(session, invoice)
    paused = subscription and subscription["pause_collection"]
    invoice_states.finalize(session, invoice)
    if invoice["status"] != "open":
        return
    if paused and paused["behavior"] == "void":
        invoice_states.void(session, invoice)
    elif paused:
        invoice_states.mark_uncollectible(session, invoice)
    elif invoice["collection_method"] == "charge_automatically":
        try_to_pay(session, invoice, off_session=off_session)


def try_to_pay(session: Session, invoice: StripeObject, *, off_session: bool = True) -> None:
    """Attempt payment; without a method, or declined, the invoice stays open."""
    if invoice_states.default_payment_method(session, invoice) is None:
        retries = invoice["attempt_count"]
        planned = invoice["auto_advance"] and retries < len(invoice_states.RETRY_AFTER_DAYS)
        days = invoice_states.RETRY_AFTER_DAYS[retries] if planned else 0
        session.save(
            invoice,
            attempted=True,
            attempt_count=retries + 1,
            next_payment_attempt=session.now(invoice) + days * 86400 if planned else None,
        )
        session.emit("invoice.payment_failed", invoice)
        _on_invoice(session, invoice, "failed" if planned else "given_up")
        return
    try:
        invoice_states.pay(session, invoice, off_session=off_session)
    except StripeError as error:
        if not error.keeps_effects:
            raise


def _on_invoice(session: Session, invoice: StripeObject, what: str) -> None:
    """Follow an invoice: paid makes active, failed makes past due, given up ends it."""
    subscription = invoice_states.subscription_of(session, invoice)
    if subscription is None or subscription["status"] in ENDED or hidden(invoice).get("of_change"):
        return
    status = subscription["status"]
    if what == "paid":
        if status == "incomplete" or (
            status in ("past_due", "unpaid") and subscription["latest_invoice"] == invoice["id"]
        ):
            change(session, subscription, status="active")
        return
    if status == "active":
        change(session, subscription, status="past_due")
    if what == "given_up":
        outcome = session.store.setting("after_retries", "cancel")
        if outcome == "cancel":
            cancel(session, subscription, reason="payment_failed")
        elif outcome == "unpaid":
            change(session, subscription, status="unpaid")


invoice_states.tell_subscriptions(_on_invoice)
