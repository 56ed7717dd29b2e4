"""Previews: the invoice that a change of a subscription would bring.

https://docs.stripe.com/api/invoices/create_preview
"""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.objects import public, random_word
from devstack.stripe_emulator.resources import subscription_changes, subscription_states
from devstack.stripe_emulator.routing import Params, Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()


@routes.add("POST", "/v1/invoices/create_preview", "InvoiceCreatePreviewParams")
def create_preview(request: Request) -> StripeObject:
    """Show the invoice that comes next, with the changes asked for; nothing of it is kept."""
    session, params = request.session, request.params
    if "subscription" not in params:
        raise StripeError("Only the preview of a subscription is emulated.", param="subscription")
    subscription = session.get("subscription", params["subscription"], param="subscription")
    if subscription["status"] in subscription_states.ENDED:
        raise StripeError("You cannot preview invoices of a canceled subscription.")
    details = Params(params.get("subscription_details", {}))
    with session.undone():
        subscription = session.get("subscription", subscription["id"])
        invoice = _next_invoice(session, subscription, details)
        shown = _as_draft(invoice, balance=session.the(invoice["customer"])["balance"])
    details.check_all_read()
    return shown


def _next_invoice(session: Session, subscription: StripeObject, details: Params) -> StripeObject:
    latest = subscription["latest_invoice"]
    starting_balance = session.the(subscription["customer"])["balance"]
    if "items" in details:
        subscription_changes.change_items(
            session,
            subscription,
            details["items"],
            proration_behavior=details.get("proration_behavior", "create_prorations"),
            proration_date=details.get("proration_date"),
        )
    if subscription["latest_invoice"] == latest:
        period_end = subscription_states.current_period(subscription)[1]
        subscription_states.set_period(subscription, at=period_end)
        return subscription_states.invoice_now(session, subscription, reason="upcoming")
    # What is invoiced at once was also paid by now, maybe of the customer's balance.
    session.save(session.the(subscription["customer"]), balance=starting_balance)
    return session.the(subscription["latest_invoice"])


def _as_draft(invoice: StripeObject, *, balance: int) -> StripeObject:
    preview_id = f"upcoming_in_{random_word(24)}"
    due = max(invoice["total"] + balance, 0)
    lines: list[dict[str, Any]] = [
        {**line, "invoice": preview_id} for line in invoice["lines"]["data"]
    ]
    return {
        **public(invoice),
        "id": preview_id,
        "amount_due": due,
        "amount_paid": 0,
        "amount_remaining": due,
        "attempt_count": 0,
        "attempted": False,
        "automatically_finalizes_at": None,
        "effective_at": None,
        "ending_balance": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "lines": {
            **invoice["lines"],
            "data": lines,
            "url": f"/v1/invoices/{preview_id}/lines",
        },
        "next_payment_attempt": None,
        "number": None,
        "starting_balance": balance,
        "status": "draft",
        "status_transitions": dict.fromkeys(invoice["status_transitions"]),
    }
