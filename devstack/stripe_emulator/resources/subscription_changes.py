"""Changes of a running subscription: other prices and quantities, prorated to the second."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject, resource_missing
from devstack.stripe_emulator.objects import hidden, merged_metadata, new_object, public
from devstack.stripe_emulator.resources import (
    invoice_drafts,
    invoice_lines,
    prices,
    subscription_states,
)
from devstack.stripe_emulator.resources.billing_periods import share
from devstack.stripe_emulator.session import Session


def make_item(
    session: Session, subscription: StripeObject, data: dict[str, Any], *, param: str
) -> StripeObject:
    """Make a subscription item of one entry of `items`."""
    price = prices.find(session, data, param=param)
    if not price["recurring"]:
        raise StripeError(
            "The price specified is set to `type=one_time` but this field only accepts prices with"
            " `type=recurring`.",
            param=f"{param}[price]",
        )
    item = new_object("subscription_item", created=session.now(subscription))
    item.update(
        billing_thresholds=None,
        discounts=[],
        metadata=merged_metadata({}, data.get("metadata", {})),
        quantity=data.get("quantity", 1),
        subscription=subscription["id"],
        tax_rates=[],
    )
    _set_price(item, price)
    return item


def change_items(
    session: Session,
    subscription: StripeObject,
    changes: list[dict[str, Any]],
    *,
    proration_behavior: str,
    proration_date: int | None = None,
    must_be_paid: bool = False,
) -> None:
    """Add, change and remove items; what was paid for and not used is credited.

    A change that must be paid has no effect on the status if its invoice is not.
    """
    at = proration_date or session.now(subscription)
    items = [dict(item) for item in subscription["items"]["data"]]
    before = {item["id"]: dict(item) for item in items}
    interval = _interval(items[0])
    for place, data in enumerate(changes):
        _apply(session, subscription, items, data, param=f"items[{place}]")
    if not items:
        raise StripeError("A subscription must have at least one item.", param="items")
    subscription["items"] = {
        **subscription["items"],
        "data": items,
        "total_count": len(items),
    }
    prorates = proration_behavior != "none" and subscription["status"] in ("active", "past_due")
    period = subscription_states.current_period({"items": {"data": list(before.values())}})
    if _interval(items[0]) != interval:
        if prorates:
            _credit_unused(session, subscription, before, period, at)
        restart_period(session, subscription, must_be_paid=must_be_paid)
        return
    subscription_states.set_period(subscription, at=at)
    session.save(subscription)
    if prorates:
        _prorate(session, subscription, before, period, at)
        if proration_behavior == "always_invoice":
            invoice_changes(session, subscription, must_be_paid=must_be_paid)


def restart_period(
    session: Session, subscription: StripeObject, *, must_be_paid: bool = False
) -> None:
    """Begin a new period now and invoice it at once."""
    now = session.now(subscription)
    session.save(subscription, billing_cycle_anchor=now)
    subscription_states.set_period(subscription, at=now)
    if subscription["status"] in ("active", "past_due"):
        invoice_changes(session, subscription, new_period=True, must_be_paid=must_be_paid)


def invoice_changes(
    session: Session,
    subscription: StripeObject,
    *,
    new_period: bool = False,
    must_be_paid: bool = False,
) -> None:
    """Invoice what is waiting, and the new period if one began, and take the money."""
    customer = session.the(subscription["customer"])
    invoice = invoice_drafts.make_draft(
        session,
        customer,
        currency=subscription["currency"],
        reason="subscription_update",
        subscription=subscription,
        period=subscription_states.current_period(subscription),
    )
    if new_period:
        lines = [
            invoice_lines.of_period(session, subscription, item, free=False)
            for item in subscription["items"]["data"]
        ]
        invoice_lines.add(invoice, lines)
    invoice_drafts.collect_pending_items(session, invoice, subscription)
    session.save(subscription, latest_invoice=invoice["id"])
    if must_be_paid:
        hidden(invoice)["of_change"] = True
        session.save(invoice, auto_advance=False)
    session.emit("invoice.created", invoice)
    subscription_states.collect(session, invoice, off_session=not must_be_paid)


def _apply(
    session: Session,
    subscription: StripeObject,
    items: list[StripeObject],
    data: dict[str, Any],
    *,
    param: str,
) -> None:
    if "id" not in data:
        items.append(make_item(session, subscription, data, param=param))
        return
    item = next((item for item in items if item["id"] == data["id"]), None)
    if item is None:
        raise resource_missing("subscription_item", data["id"], param=f"{param}[id]")
    if data.get("deleted"):
        items.remove(item)
        return
    if "price" in data or "price_data" in data:
        price = prices.find(session, data, param=param)
        if price["currency"] != subscription["currency"]:
            raise StripeError(
                "The price's currency is not the subscription's.", param=f"{param}[price]"
            )
        _set_price(item, price)
    if "quantity" in data:
        item["quantity"] = data["quantity"]
    if "metadata" in data:
        item["metadata"] = merged_metadata(item["metadata"], data["metadata"])


def _set_price(item: StripeObject, price: StripeObject) -> None:
    item.update(price=public(price), plan=prices.as_plan(price))


def _interval(item: StripeObject) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _credit_unused(
    session: Session,
    subscription: StripeObject,
    before: dict[str, StripeObject],
    period: tuple[int, int],
    at: int,
) -> None:
    for item in before.values():
        _proration_item(session, subscription, item, period, at, credit=True)


def _prorate(
    session: Session,
    subscription: StripeObject,
    before: dict[str, StripeObject],
    period: tuple[int, int],
    at: int,
) -> None:
    after = {item["id"]: item for item in subscription["items"]["data"]}
    for item_id in before.keys() | after.keys():
        old, new = before.get(item_id), after.get(item_id)
        if old and new and _cost(old) == _cost(new) and old["price"]["id"] == new["price"]["id"]:
            continue
        if old:
            _proration_item(session, subscription, old, period, at, credit=True)
        if new:
            _proration_item(session, subscription, new, period, at, credit=False)


def _cost(item: StripeObject) -> int:
    cost: int = item["price"]["unit_amount"] * item["quantity"]
    return cost


def _proration_item(
    session: Session,
    subscription: StripeObject,
    item: StripeObject,
    period: tuple[int, int],
    at: int,
    *,
    credit: bool,
) -> None:
    start, end = period
    amount = share(_cost(item), part=max(end - at, 0), whole=end - start)
    name = session.the(item["price"]["product"])["name"]
    verb = "Unused time on" if credit else "Remaining time on"
    made = invoice_lines.make_invoice_item(
        session,
        session.the(subscription["customer"]),
        amount=-amount if credit else amount,
        currency=subscription["currency"],
        description=f"{verb} {item['quantity']} x {name}",
        period=(at, end),
        parent=invoice_lines.item_details(subscription["id"], item["id"]),
        price=item["price"],
        proration=True,
        quantity=item["quantity"],
        quantity_decimal=str(item["quantity"]),
    )
    session.emit("invoiceitem.created", made)
