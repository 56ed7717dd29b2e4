"""Prices: how much a product costs, once or every so often."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from devstack.stripe_emulator import currencies
from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.lists import list_objects, matches
from devstack.stripe_emulator.objects import merged_metadata, public
from devstack.stripe_emulator.resources import products
from devstack.stripe_emulator.routing import Params, Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()


@routes.add("POST", "/v1/prices", "PriceCreateParams")
def create(request: Request) -> StripeObject:
    """Create a price for a product, or for a new one."""
    session = request.session
    price = make(session, request.params)
    session.emit("price.created", price)
    return price


@routes.add("GET", "/v1/prices", "PriceListParams")
def index(request: Request) -> StripeObject:
    """List prices, of a product or by lookup keys."""
    params = request.params
    keys = params.get("lookup_keys")
    wanted = matches(params, "active", "currency", "type")
    recurring = params.get("recurring", {})

    def keep(price: StripeObject) -> bool:
        if keys and price["lookup_key"] not in keys:
            return False
        if recurring and not price["recurring"]:
            return False
        return wanted(price) and all(
            price["recurring"][name] == value for name, value in recurring.items()
        )

    only_key = keys[0] if keys and len(keys) == 1 else None
    return list_objects(
        request,
        "price",
        where={"product": params.get("product"), "lookup_key": only_key},
        keep=keep,
    )


@routes.add("GET", "/v1/prices/{id}", "PriceRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a price."""
    return request.session.get("price", request.id)


@routes.add("POST", "/v1/prices/{id}", "PriceUpdateParams")
def update(request: Request) -> StripeObject:
    """Update what may change: never the amount."""
    session, params = request.session, request.params
    price = session.get("price", request.id)
    for name in ("active", "nickname", "tax_behavior"):
        if name in params:
            price[name] = params[name]
    if "lookup_key" in params:
        price["lookup_key"] = _claim_lookup_key(session, params)
    if "metadata" in params:
        price["metadata"] = merged_metadata(price["metadata"], params["metadata"])
    session.save(price)
    session.emit("price.updated", price)
    return price


def make(session: Session, params: Params) -> StripeObject:
    """Make a price of checked parameters."""
    currency = currencies.check_currency(params["currency"])
    if params.get("billing_scheme", "per_unit") != "per_unit":
        raise StripeError("Tiered prices are not emulated.", param="billing_scheme")
    unit_amount, unit_amount_decimal = _amount(params)
    if "product" in params:
        product = products.existing(session, params["product"], param="product")
    elif "product_data" in params:
        product = products.make(session, Params(params["product_data"]))
        session.emit("product.created", product)
    else:
        raise StripeError(
            "You must specify either `product` or `product_data` when creating a price.",
            code="parameter_missing",
            param="product",
        )
    recurring = params.get("recurring")
    if recurring and recurring.get("usage_type") == "metered":
        raise StripeError("Metered prices are not emulated.", param="recurring[usage_type]")
    return session.create(
        "price",
        active=params.get("active", True),
        billing_scheme="per_unit",
        currency=currency,
        lookup_key=_claim_lookup_key(session, params),
        metadata=merged_metadata({}, params.get("metadata", {})),
        nickname=params.get("nickname"),
        product=product["id"],
        recurring=_recurring(recurring) if recurring else None,
        tax_behavior=params.get("tax_behavior", "unspecified"),
        type="recurring" if recurring else "one_time",
        unit_amount=unit_amount,
        unit_amount_decimal=unit_amount_decimal,
    )


def find(session: Session, data: dict[str, Any], *, param: str) -> StripeObject:
    """Return the price an item names, or make the one it describes."""
    if "price_data" in data:
        return make(session, Params(data["price_data"]))
    if "price" not in data:
        raise StripeError(
            f"Missing required param: {param}[price].",
            code="parameter_missing",
            param=f"{param}[price]",
        )
    price = session.get("price", data["price"], param=f"{param}[price]")
    if not price["active"]:
        raise StripeError(
            "The price specified is inactive. This field only accepts active prices.",
            param=f"{param}[price]",
        )
    return price


def shown(price: StripeObject) -> StripeObject:
    """Return a price as other objects show it."""
    return public(price)


def as_plan(price: StripeObject) -> StripeObject:
    """Return the plan, which came before prices, that subscription items still show."""
    recurring = price["recurring"] or {"interval": "month", "interval_count": 1}
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _recurring(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": None,
        "usage_type": "licensed",
    }


def _amount(params: Params) -> tuple[int, str]:
    """Return the amount in minor units, and as the decimal Stripe shows."""
    if "unit_amount" in params:
        amount: int = params["unit_amount"]
    elif "unit_amount_decimal" in params:
        exact = Decimal(params["unit_amount_decimal"])
        if exact != exact.to_integral_value():
            raise StripeError(
                "Fractions of a minor unit are not emulated.", param="unit_amount_decimal"
            )
        amount = int(exact)
    else:
        raise StripeError(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
            code="parameter_missing",
            param="unit_amount",
        )
    if amount < 0:
        raise StripeError(
            "This value must be greater than or equal to 0.",
            code="parameter_invalid_integer",
            param="unit_amount",
        )
    return amount, str(amount)


def _claim_lookup_key(session: Session, params: Params) -> str | None:
    key: str | None = params.get("lookup_key") or None
    transfer = params.get("transfer_lookup_key")
    if key is None:
        return None
    for holder in session.all("price", lookup_key=key):
        if not transfer:
            raise StripeError(
                f"A price (`{holder['id']}`) already uses that lookup key.",
                code="resource_already_exists",
                param="lookup_key",
            )
        session.save(holder, lookup_key=None)
        session.emit("price.updated", holder, previous={"lookup_key": key})
    return key
