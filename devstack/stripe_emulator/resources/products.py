"""Products: what is sold."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject, resource_missing
from devstack.stripe_emulator.lists import list_objects, matches
from devstack.stripe_emulator.objects import hidden, merged_metadata
from devstack.stripe_emulator.routing import Params, Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()

_FIELDS = (
    "active",
    "description",
    "images",
    "marketing_features",
    "name",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
)


@routes.add("POST", "/v1/products", "ProductCreateParams")
def create(request: Request) -> StripeObject:
    """Create a product, with a default price if one is described."""
    session, params = request.session, request.params
    product_id = params.get("id")
    if product_id and session.find(product_id):
        raise StripeError(
            f"Product already exists: {product_id}.", code="resource_already_exists", param="id"
        )
    product = make(session, params, product_id=product_id)
    if "default_price_data" in params:
        from devstack.stripe_emulator.resources import (  # noqa: PLC0415 - prices need products
            prices,
        )

        data: dict[str, Any] = {**params["default_price_data"], "product": product["id"]}
        session.save(product, default_price=prices.make(session, Params(data))["id"])
    session.emit("product.created", product)
    return product


@routes.add("GET", "/v1/products", "ProductListParams")
def index(request: Request) -> StripeObject:
    """List products."""
    params = request.params
    ids = params.get("ids")
    wanted = matches(params, "active", "shippable", "url")

    def keep(product: StripeObject) -> bool:
        if hidden(product).get("deleted") or (ids and product["id"] not in ids):
            return False
        return wanted(product)

    return list_objects(request, "product", keep=keep)


@routes.add("GET", "/v1/products/{id}", "ProductRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a product."""
    return existing(request.session, request.id)


@routes.add("POST", "/v1/products/{id}", "ProductUpdateParams")
def update(request: Request) -> StripeObject:
    """Update a product."""
    session, params = request.session, request.params
    product = existing(session, request.id)
    if "default_price" in params:
        price = session.get("price", params["default_price"], param="default_price")
        product["default_price"] = price["id"]
    _apply(session, product, params)
    session.emit("product.updated", product)
    return product


@routes.add("DELETE", "/v1/products/{id}", "ProductDeleteParams")
def delete(request: Request) -> StripeObject:
    """Delete a product that has no prices."""
    session = request.session
    product = existing(session, request.id)
    if session.all("price", product=product["id"]):
        raise StripeError(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    hidden(product)["deleted"] = True
    session.save(product)
    session.emit("product.deleted", product)
    return {"id": product["id"], "object": "product", "deleted": True}


def make(session: Session, params: Params, *, product_id: str | None = None) -> StripeObject:
    """Make a product of checked parameters."""
    own_id: dict[str, Any] = {"id": product_id} if product_id else {}
    product = session.create(
        "product", active=True, metadata={}, type=params.get("type", "service"), **own_id
    )
    product["updated"] = product["created"]
    return _apply(session, product, params)


def existing(session: Session, product_id: str, *, param: str | None = None) -> StripeObject:
    """Return a product that has not been deleted."""
    product = session.get("product", product_id, param=param)
    if hidden(product).get("deleted"):
        raise resource_missing("product", product_id, param=param)
    return product


def _apply(session: Session, product: StripeObject, params: Params) -> StripeObject:
    for name in _FIELDS:
        if name in params:
            product[name] = None if params[name] == "" else params[name]
    if "metadata" in params:
        product["metadata"] = merged_metadata(product["metadata"], params["metadata"])
    return session.save(product, updated=session.now())
