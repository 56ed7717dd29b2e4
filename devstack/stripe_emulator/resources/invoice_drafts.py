"""Drafts: invoices in the making, and what waits to be put on them."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.objects import a_list, hidden
from devstack.stripe_emulator.resources import invoice_lines
from devstack.stripe_emulator.session import Session


def make_draft(
    session: Session,
    customer: StripeObject,
    *,
    currency: str,
    reason: str,
    subscription: StripeObject | None = None,
    period: tuple[int, int] | None = None,
    **fields: Any,
) -> StripeObject:
    """Make an empty draft."""
    now = session.now(customer)
    start, end = period or (now, now)
    invoice = session.create(
        "invoice",
        created=now,
        **{
            "account_country": "US",
            "account_name": "Paybridge",
            "auto_advance": True,
            "automatic_tax": {
                "disabled_reason": None,
                "enabled": False,
                "liability": None,
                "provider": None,
                "status": None,
            },
            "billing_reason": reason,
            "collection_method": "charge_automatically",
            "currency": currency,
            "customer": customer["id"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
            "issuer": {"type": "self"},
            "metadata": {},
            "parent": _parent(subscription),
            "payment_settings": {
                "default_mandate": None,
                "payment_method_options": None,
                "payment_method_types": None,
            },
            "period_end": end,
            "period_start": start,
            "starting_balance": customer.get("balance", 0),
            "status": "draft",
            "status_transitions": dict.fromkeys(
                ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
            ),
            "test_clock": customer["test_clock"],
            "total_discount_amounts": [],
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
            **fields,
        },
    )
    invoice["lines"] = {
        **a_list([], url=f"/v1/invoices/{invoice['id']}/lines"),
        "total_count": 0,
    }
    if subscription:
        hidden(invoice)["references"] = {"subscription": subscription["id"]}
    return invoice


def collect_pending_items(
    session: Session, invoice: StripeObject, subscription: StripeObject | None
) -> None:
    """Put waiting invoice items on a draft: its subscription's, and those of none."""
    lines = []
    for item in session.all("invoiceitem", customer=invoice["customer"]):
        parent = item["parent"]
        of = parent["subscription_details"]["subscription"] if parent else None
        if item["invoice"] or item["currency"] != invoice["currency"]:
            continue
        if of is None or (subscription and of == subscription["id"]):
            session.save(item, invoice=invoice["id"])
            lines.append(invoice_lines.of_invoice_item(item))
    invoice_lines.add(invoice, lines)
    session.save(invoice)


def _parent(subscription: StripeObject | None) -> dict[str, Any] | None:
    if subscription is None:
        return None
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }
