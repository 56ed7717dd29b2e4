"""Customers, and the payment methods listed under them."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeObject, resource_missing
from devstack.stripe_emulator.lists import list_objects, matches
from devstack.stripe_emulator.objects import hidden, merged_metadata, random_word
from devstack.stripe_emulator.resources import (
    customer_lookup,
    payment_methods,
    subscription_states,
)
from devstack.stripe_emulator.routing import Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()

_PLAIN_FIELDS = (
    "address",
    "balance",
    "description",
    "email",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
)


@routes.add("POST", "/v1/customers", "CustomerCreateParams")
def create(request: Request) -> StripeObject:
    """Create a customer, on a test clock if one is given."""
    session, params = request.session, request.params
    clock_id = params.get("test_clock")
    clock = session.get("test_helpers.test_clock", clock_id, param="test_clock") if clock_id else {}
    customer = session.create(
        "customer",
        created=clock.get("frozen_time"),
        balance=0,
        delinquent=False,
        invoice_prefix=random_word(8).upper(),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        metadata={},
        next_invoice_sequence=1,
        preferred_locales=[],
        tax_exempt="none",
        test_clock=clock_id,
    )
    _apply(session, customer, params)
    session.emit("customer.created", customer)
    return customer


@routes.add("GET", "/v1/customers", "CustomerListParams")
def index(request: Request) -> StripeObject:
    """List customers: those on a test clock only when it is named."""
    params = request.params
    clock_id = params.get("test_clock")

    def keep(customer: StripeObject) -> bool:
        return not hidden(customer).get("deleted") and customer["test_clock"] == clock_id

    return list_objects(
        request, "customer", where={"email": params.get("email"), "test_clock": clock_id}, keep=keep
    )


@routes.add("GET", "/v1/customers/{id}", "CustomerRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a customer; of a deleted one there is only a stub."""
    customer = request.session.get("customer", request.id)
    return _stub(customer) if hidden(customer).get("deleted") else customer


@routes.add("POST", "/v1/customers/{id}", "CustomerUpdateParams")
def update(request: Request) -> StripeObject:
    """Update a customer."""
    session = request.session
    customer = customer_lookup.existing(session, request.id)
    before = dict(customer)
    _apply(session, customer, request.params)
    previous = {name: old for name, old in before.items() if customer[name] != old}
    if previous:
        session.emit("customer.updated", customer, previous=previous)
    return customer


@routes.add("DELETE", "/v1/customers/{id}", "CustomerDeleteParams")
def delete(request: Request) -> StripeObject:
    """Delete a customer, cancelling its subscriptions and detaching its payment methods."""
    session = request.session
    customer = customer_lookup.existing(session, request.id)
    for subscription in session.all("subscription", customer=customer["id"]):
        if subscription["status"] not in subscription_states.ENDED:
            subscription_states.cancel(session, subscription)
    for method in session.all("payment_method", customer=customer["id"]):
        payment_methods.detach_from_customer(session, method)
    hidden(customer)["deleted"] = True
    session.save(customer)
    session.emit("customer.deleted", customer)
    return _stub(customer)


@routes.add("GET", "/v1/customers/{id}/payment_methods", "CustomerPaymentMethodListParams")
def index_payment_methods(request: Request) -> StripeObject:
    """List the payment methods attached to a customer."""
    customer_lookup.existing(request.session, request.id)
    return list_objects(
        request,
        "payment_method",
        where={"customer": request.id},
        keep=matches(request.params, "type", "allow_redisplay"),
    )


@routes.add("GET", "/v1/customers/{id}/payment_methods/{id}", "CustomerPaymentMethodRetrieveParams")
def retrieve_payment_method(request: Request) -> StripeObject:
    """Retrieve a payment method attached to a customer."""
    method = request.session.get("payment_method", request.ids[1])
    if method["customer"] != request.id:
        raise resource_missing("payment_method", request.ids[1])
    return method


def _apply(session: Session, customer: StripeObject, params: dict[str, Any]) -> None:
    for name in _PLAIN_FIELDS:
        if name in params:
            customer[name] = None if params[name] == "" else params[name]
    if "metadata" in params:
        customer["metadata"] = merged_metadata(customer["metadata"], params["metadata"])
    if "payment_method" in params:
        payment_methods.attach_to_customer(
            session, payment_methods.named(session, params["payment_method"]), customer["id"]
        )
    settings = params.get("invoice_settings", {})
    if "default_payment_method" in settings:
        customer["invoice_settings"] = {
            **customer["invoice_settings"],
            "default_payment_method": _default_method(
                session, customer, settings["default_payment_method"]
            ),
        }
    session.save(customer)


def _default_method(session: Session, customer: StripeObject, method_id: str) -> str | None:
    if method_id == "":
        return None
    param = "invoice_settings[default_payment_method]"
    method = payment_methods.named(session, method_id, param=param)
    if method["customer"] != customer["id"]:
        raise payment_methods.not_attached(method["id"], param=param)
    attached_id: str = method["id"]
    return attached_id


def _stub(customer: StripeObject) -> StripeObject:
    return {"id": customer["id"], "object": "customer", "deleted": True}
