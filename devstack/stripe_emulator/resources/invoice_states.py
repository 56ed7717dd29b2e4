"""An invoice's life: draft, open, paid; or void; or uncollectible.

https://docs.stripe.com/invoicing/overview#invoice-statuses
"""

from __future__ import annotations

from collections.abc import Callable

from devstack.stripe_emulator.errors import StripeError, StripeObject, card_error
from devstack.stripe_emulator.objects import hidden, public
from devstack.stripe_emulator.resources import (
    payment_attempts,
    payment_intents,
    payment_methods,
)
from devstack.stripe_emulator.session import Session

DRAFT_SECONDS = 3600
RETRY_AFTER_DAYS = (3, 5, 7)
_DAY = 86400

SubscriptionListener = Callable[[Session, StripeObject, str], None]
_listeners: list[SubscriptionListener] = []


def tell_subscriptions(listener: SubscriptionListener) -> None:
    """Have subscriptions told when an invoice of theirs is paid, fails or needs its customer."""
    _listeners.append(listener)


def finalize(session: Session, invoice: StripeObject) -> StripeObject:
    """Fix a draft: number it, take the customer's balance into account, ask for the money."""
    if invoice["status"] != "draft":
        raise StripeError(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    customer = session.the(invoice["customer"])
    now = session.now(invoice)
    number = customer["next_invoice_sequence"]
    starting = customer["balance"]
    owed = invoice["total"] + starting
    session.save(customer, next_invoice_sequence=number + 1, balance=min(owed, 0))
    session.save(
        invoice,
        status="open",
        number=f"{customer['invoice_prefix']}-{number:04d}",
        effective_at=now,
        automatically_finalizes_at=None,
        starting_balance=starting,
        ending_balance=min(owed, 0),
        amount_due=max(owed, 0),
        amount_remaining=max(owed, 0),
        hosted_invoice_url=f"{session.base_url}/invoice/{invoice['id']}",
        invoice_pdf=f"{session.base_url}/invoice/{invoice['id']}/pdf",
        status_transitions={**invoice["status_transitions"], "finalized_at": now},
    )
    session.emit("invoice.finalized", invoice)
    if invoice["amount_due"]:
        _request_payment(session, invoice, customer)
    else:
        _mark_paid(session, invoice, None)
    return invoice


def pay(
    session: Session,
    invoice: StripeObject,
    *,
    payment_method: str | None = None,
    off_session: bool = True,
) -> StripeObject:
    """Attempt payment with the given method, or with the default that applies.

    Raises:
        StripeError: no method, declined, or waiting for the customer.
    """
    if invoice["status"] == "draft":
        finalize(session, invoice)
    if invoice["status"] == "paid":
        raise StripeError("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        raise StripeError(f"This invoice can no longer be paid: it is {invoice['status']}.")
    method_id = payment_method or default_payment_method(session, invoice)
    if method_id is None:
        raise StripeError(
            "There is no `default_payment_method` set on this Customer, Subscription or Invoice."
            " Please attach a payment method to the Customer and make it the default.",
            code="resource_missing",
        )
    intent = session.the(hidden(invoice)["payment_intent"])
    method = payment_methods.named(session, method_id)
    if method["customer"] != invoice["customer"]:
        raise payment_methods.not_attached(method["id"], param="payment_method")
    session.save(intent, payment_method=method["id"], status="requires_confirmation")
    payment_attempts.attempt(
        session, intent, payment_attempts.Terms(off_session=off_session, use_stripe_sdk=True)
    )
    if intent["status"] == "requires_action":
        _count_attempt(session, invoice)
        session.emit("invoice.payment_action_required", invoice)
        raise card_error(
            "This payment requires additional user action before it can be completed successfully."
            " Payment can be completed using the PaymentIntent of the invoice.",
            code="invoice_payment_intent_requires_action",
            payment_intent=public(intent),
        )
    return invoice


def pay_out_of_band(session: Session, invoice: StripeObject) -> StripeObject:
    """Mark an invoice as paid elsewhere."""
    if invoice["status"] == "draft":
        finalize(session, invoice)
    if invoice["status"] != "paid":
        _cancel_payment(session, invoice)
        session.save(invoice, amount_paid_off_stripe=invoice["amount_due"])
        _mark_paid(session, invoice, None)
    return invoice


def void(session: Session, invoice: StripeObject) -> StripeObject:
    """Declare an open invoice void."""
    return _close(session, invoice, "void", "voided_at", "invoice.voided")


def mark_uncollectible(session: Session, invoice: StripeObject) -> StripeObject:
    """Give an open invoice up; it may still be paid by hand."""
    return _close(
        session,
        invoice,
        "uncollectible",
        "marked_uncollectible_at",
        "invoice.marked_uncollectible",
    )


def default_payment_method(session: Session, invoice: StripeObject) -> str | None:
    """Return the payment method that applies: the invoice's, subscription's or customer's."""
    subscription = subscription_of(session, invoice)
    customer = session.the(invoice["customer"])
    candidates = (
        invoice["default_payment_method"],
        subscription and subscription["default_payment_method"],
        customer["invoice_settings"]["default_payment_method"],
    )
    return next((candidate for candidate in candidates if candidate), None)


def subscription_of(session: Session, invoice: StripeObject) -> StripeObject | None:
    """Return the subscription an invoice is for."""
    if not invoice["parent"]:
        return None
    return session.the(invoice["parent"]["subscription_details"]["subscription"])


def _request_payment(session: Session, invoice: StripeObject, customer: StripeObject) -> None:
    first = invoice["billing_reason"] == "subscription_create"
    intent = payment_intents.make(
        session,
        created=session.now(invoice),
        amount=invoice["amount_due"],
        capture_method="automatic",
        confirmation_method="automatic",
        currency=invoice["currency"],
        customer=customer["id"],
        description="Subscription creation"
        if first
        else f"Payment for Invoice {invoice['number']}",
        metadata={},
        setup_future_usage="off_session" if invoice["parent"] else None,
    )
    hidden(intent)["invoice"] = invoice["id"]
    payment = session.create(
        "invoice_payment",
        created=session.now(invoice),
        amount_requested=invoice["amount_due"],
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )
    hidden(payment)["references"] = {"payment_intent": intent["id"]}
    hidden(invoice).update(payment_intent=intent["id"], invoice_payment=payment["id"])
    session.save(invoice)
    session.emit("payment_intent.created", intent)


def _close(
    session: Session, invoice: StripeObject, status: str, transition: str, event_type: str
) -> StripeObject:
    if invoice["status"] not in ("open", "uncollectible") or invoice["status"] == status:
        raise StripeError(
            f"You can only pass in open invoices. This invoice isn't open: it is"
            f" {invoice['status']}.",
            code="invoice_not_open",
        )
    if status == "void":
        _cancel_payment(session, invoice)
    session.save(
        invoice,
        status=status,
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], transition: session.now(invoice)},
    )
    session.emit(event_type, invoice)
    return invoice


def _cancel_payment(session: Session, invoice: StripeObject) -> None:
    facts = hidden(invoice)
    if "payment_intent" in facts:
        intent = session.the(facts["payment_intent"])
        if intent["status"] not in ("succeeded", "canceled"):
            payment_intents.cancel_intent(session, intent, reason="void_invoice")
        payment = session.the(facts["invoice_payment"])
        transitions = {**payment["status_transitions"], "canceled_at": session.now(invoice)}
        session.save(payment, status="canceled", status_transitions=transitions)


def _count_attempt(session: Session, invoice: StripeObject) -> None:
    session.save(invoice, attempted=True, attempt_count=invoice["attempt_count"] + 1)


def _mark_paid(session: Session, invoice: StripeObject, intent: StripeObject | None) -> None:
    now = session.now(invoice)
    if intent:
        _count_attempt(session, invoice)
        payment = session.the(hidden(invoice)["invoice_payment"])
        session.save(
            payment,
            amount_paid=intent["amount_received"],
            status="paid",
            status_transitions={"canceled_at": None, "paid_at": now},
        )
        session.emit("invoice_payment.paid", payment)
    session.save(
        invoice,
        status="paid",
        attempted=True,
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "paid_at": now},
    )
    session.emit("invoice.paid", invoice)
    session.emit("invoice.payment_succeeded", invoice)
    _tell(session, invoice, "paid")


def _tell(session: Session, invoice: StripeObject, what: str) -> None:
    for listener in _listeners:
        listener(session, invoice, what)


class _Hooks:
    """What an invoice does when a payment made for it ends."""

    def paid(self, session: Session, intent: StripeObject) -> None:
        """Mark the invoice paid."""
        invoice_id = hidden(intent).get("invoice")
        if invoice_id:
            invoice = session.the(invoice_id)
            subscription = subscription_of(session, invoice)
            if subscription:
                _keep_method(session, subscription, intent)
            _mark_paid(session, invoice, intent)

    def failed(self, session: Session, intent: StripeObject) -> None:
        """Count the attempt and plan the next one."""
        invoice_id = hidden(intent).get("invoice")
        if not invoice_id:
            return
        invoice = session.the(invoice_id)
        _count_attempt(session, invoice)
        error = intent["last_payment_error"] or {}
        retries = invoice["attempt_count"] - 1
        renewal = invoice["billing_reason"] != "subscription_create" and invoice["auto_advance"]
        planned = renewal and retries < len(RETRY_AFTER_DAYS)
        session.save(
            invoice,
            next_payment_attempt=session.now(invoice) + RETRY_AFTER_DAYS[retries] * _DAY
            if planned
            else None,
        )
        session.emit("invoice.payment_failed", invoice)
        if error.get("code") == "authentication_required":
            session.emit("invoice.payment_action_required", invoice)
        _tell(session, invoice, "failed" if planned or not renewal else "given_up")


def _keep_method(session: Session, subscription: StripeObject, intent: StripeObject) -> None:
    settings = subscription["payment_settings"]
    if (
        settings["save_default_payment_method"] == "on_subscription"
        and not subscription["default_payment_method"]
    ):
        session.save(subscription, default_payment_method=intent["payment_method"])


payment_attempts.tell_invoices(_Hooks())
