"""Pending updates: changes of a subscription that come about once their invoice is paid.

https://docs.stripe.com/billing/subscriptions/pending-updates
"""

from __future__ import annotations

from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.objects import hidden
from devstack.stripe_emulator.resources import invoice_states, subscription_states
from devstack.stripe_emulator.session import Session

EXPIRES_AFTER = 23 * 3600
_CHANGED = ("items", "billing_cycle_anchor")


def keep_if_unpaid(session: Session, subscription: StripeObject, before: StripeObject) -> None:
    """Take a change back whose invoice was not paid, until it is."""
    if subscription["latest_invoice"] == before["latest_invoice"]:
        return
    invoice = session.the(subscription["latest_invoice"])
    if invoice["status"] != "open":
        return
    changed = {name: subscription[name] for name in _CHANGED}
    hidden(subscription)["pending_update"] = {"invoice": invoice["id"], "changed": changed}
    subscription.update({name: before[name] for name in _CHANGED})
    period_end = subscription_states.current_period(subscription)[1]
    subscription["pending_update"] = {
        "billing_cycle_anchor": None,
        "discount": None,
        "discounts": None,
        "expires_at": min(session.now(subscription) + EXPIRES_AFTER, period_end),
        "subscription_items": changed["items"]["data"],
        "metadata": None,
        "trial_end": None,
        "trial_from_plan": None,
    }
    session.save(subscription)


def expire(session: Session, subscription: StripeObject) -> None:
    """Give up a change that was not paid in time, and its invoice."""
    waiting = hidden(subscription).pop("pending_update")
    invoice = session.the(waiting["invoice"])
    if invoice["status"] == "open":
        invoice_states.void(session, invoice)
    subscription_states.change(session, subscription, pending_update=None)
    session.emit("customer.subscription.pending_update_expired", subscription)


def _on_invoice(session: Session, invoice: StripeObject, what: str) -> None:
    """Make the change of an invoice that is paid now."""
    subscription = invoice_states.subscription_of(session, invoice)
    waiting = hidden(subscription).get("pending_update") if subscription else None
    if subscription is None or what != "paid" or not waiting or waiting["invoice"] != invoice["id"]:
        return
    del hidden(subscription)["pending_update"]
    subscription_states.change(session, subscription, pending_update=None, **waiting["changed"])
    session.emit("customer.subscription.pending_update_applied", subscription)


invoice_states.tell_subscriptions(_on_invoice)
