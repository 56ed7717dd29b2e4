"""Lines of an invoice: a period of a subscription, a proration, or something by itself."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.objects import new_id, new_object, public
from devstack.stripe_emulator.session import Session


def of_period(
    session: Session, subscription: StripeObject, item: StripeObject, *, free: bool
) -> StripeObject:
    """Make the line of a subscription item's current period."""
    price = item["price"]
    amount = 0 if free else price["unit_amount"] * item["quantity"]
    product = session.the(price["product"])
    description = f"{item['quantity']} x {product['name']}"
    if free:
        description = f"Trial period for {product['name']}"
    return _line(
        amount=amount,
        currency=price["currency"],
        description=description,
        parent=_item_parent(subscription["id"], item["id"], invoice_item=None, proration=False),
        period={"start": item["current_period_start"], "end": item["current_period_end"]},
        pricing=_pricing(price),
        quantity=item["quantity"],
        subscription=subscription["id"],
    )


def of_invoice_item(invoice_item: StripeObject) -> StripeObject:
    """Make the line of an invoice item, a proration if that is what it is."""
    parent = invoice_item["parent"]
    if parent:
        details = parent["subscription_details"]
        line_parent = _item_parent(
            details["subscription"],
            details["subscription_item"],
            invoice_item=invoice_item["id"],
            proration=invoice_item["proration"],
        )
    else:
        line_parent = {
            "invoice_item_details": {
                "invoice_item": invoice_item["id"],
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    return _line(
        amount=invoice_item["amount"],
        currency=invoice_item["currency"],
        description=invoice_item["description"],
        discountable=invoice_item["discountable"],
        metadata=invoice_item["metadata"] or {},
        parent=line_parent,
        period=invoice_item["period"],
        pricing=invoice_item["pricing"],
        quantity=invoice_item["quantity"],
        subscription=parent["subscription_details"]["subscription"] if parent else None,
    )


def make_invoice_item(
    session: Session,
    customer: StripeObject,
    *,
    amount: int,
    currency: str,
    description: str | None,
    period: tuple[int, int],
    parent: dict[str, Any] | None = None,
    price: StripeObject | None = None,
    proration: bool = False,
    **fields: Any,
) -> StripeObject:
    """Make an invoice item that waits for the customer's next invoice."""
    return session.create(
        "invoiceitem",
        **{
            "amount": amount,
            "currency": currency,
            "customer": customer["id"],
            "date": session.now(customer),
            "description": description,
            "discountable": not proration,
            "discounts": [],
            "metadata": {},
            "net_amount": amount,
            "parent": parent,
            "period": {"start": period[0], "end": period[1]},
            "pricing": _pricing(price) if price else None,
            "proration": proration,
            "proration_details": {"discount_amounts": []} if proration else None,
            "quantity": 1,
            "quantity_decimal": "1",
            "tax_rates": [],
            "test_clock": customer["test_clock"],
            **fields,
        },
    )


def item_details(subscription_id: str, item_id: str) -> dict[str, Any]:
    """Return the parent of an invoice item that a subscription item caused."""
    return {
        "subscription_details": {"subscription": subscription_id, "subscription_item": item_id},
        "type": "subscription_details",
    }


def add(invoice: StripeObject, lines: list[StripeObject]) -> None:
    """Put lines on an invoice and sum it up."""
    for line in lines:
        line["invoice"] = invoice["id"]
    data: list[Any] = [*invoice["lines"]["data"], *map(public, lines)]
    total = sum(line["amount"] for line in data)
    invoice["lines"] = {**invoice["lines"], "data": data, "total_count": len(data)}
    invoice.update(
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_excluding_tax=total,
        amount_due=max(total, 0),
        amount_remaining=max(total, 0),
    )


def _pricing(price: StripeObject) -> dict[str, Any]:
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def _item_parent(
    subscription_id: str, item_id: str, *, invoice_item: str | None, proration: bool
) -> dict[str, Any]:
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": invoice_item,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": subscription_id,
            "subscription_item": item_id,
        },
        "type": "subscription_item_details",
    }


def _line(**fields: Any) -> StripeObject:
    line = new_object("line_item", created=0)
    line.update(
        {
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "metadata": {},
            "pretax_credit_amounts": [],
            "taxes": [],
            **fields,
            "id": new_id("line_item"),
        }
    )
    line["subtotal"] = line["amount"]
    line["quantity_decimal"] = str(line["quantity"])
    return line
