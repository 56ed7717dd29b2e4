"""PaymentMethods: cards made from numbers, tokens and Stripe's test literals."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from devstack.stripe_emulator import test_cards
from devstack.stripe_emulator.errors import StripeError, StripeObject, card_error
from devstack.stripe_emulator.lists import list_objects, matches
from devstack.stripe_emulator.objects import hidden, merged_metadata
from devstack.stripe_emulator.routing import Request, Routes
from devstack.stripe_emulator.session import Session
from devstack.stripe_emulator.test_cards import TestCard

routes = Routes()

_NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


@routes.add("POST", "/v1/payment_methods", "PaymentMethodCreateParams", publishable=True)
def create(request: Request) -> StripeObject:
    """Create a card payment method."""
    if "customer" in request.params or "payment_method" in request.params:
        raise StripeError(
            "Cloning payment methods to a connected account is not emulated.", param="customer"
        )
    return from_data(request.session, request.params)


@routes.add("GET", "/v1/payment_methods", "PaymentMethodListParams")
def index(request: Request) -> StripeObject:
    """List payment methods, of a customer if one is given."""
    params = request.params
    if "customer" in params:
        request.session.get("customer", params["customer"], param="customer")
    return list_objects(
        request,
        "payment_method",
        where={"customer": params.get("customer")},
        keep=matches(params, "type", "allow_redisplay"),
    )


@routes.add("GET", "/v1/payment_methods/{id}", "PaymentMethodRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a payment method."""
    return named(request.session, request.id, param=None)


@routes.add("POST", "/v1/payment_methods/{id}", "PaymentMethodUpdateParams")
def update(request: Request) -> StripeObject:
    """Update billing details, expiry or metadata."""
    session, params = request.session, request.params
    method = session.get("payment_method", request.id)
    if "billing_details" in params:
        method["billing_details"] = _billing_details(
            params["billing_details"], method["billing_details"]
        )
    if "metadata" in params:
        method["metadata"] = merged_metadata(method["metadata"], params["metadata"])
    if "allow_redisplay" in params:
        method["allow_redisplay"] = params["allow_redisplay"]
    expiry = {key: params.get("card", {}).get(key) for key in ("exp_month", "exp_year")}
    method["card"].update({key: value for key, value in expiry.items() if value is not None})
    session.save(method)
    session.emit("payment_method.updated", method)
    return method


@routes.add("POST", "/v1/payment_methods/{id}/attach", "PaymentMethodAttachParams")
def attach(request: Request) -> StripeObject:
    """Attach to a customer. A card that declines here cannot be attached."""
    session = request.session
    customer_id = request.params.get("customer")
    if customer_id is None:
        raise StripeError(
            "Missing required param: customer.", code="parameter_missing", param="customer"
        )
    session.get("customer", customer_id, param="customer")
    return attach_to_customer(session, named(session, request.id, param=None), customer_id)


@routes.add("POST", "/v1/payment_methods/{id}/detach", "PaymentMethodDetachParams")
def detach(request: Request) -> StripeObject:
    """Detach from its customer; it can never be used again."""
    method = request.session.get("payment_method", request.id)
    if not method["customer"]:
        raise StripeError(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible."
        )
    return detach_from_customer(request.session, method)


def named(
    session: Session, method_id: str, *, param: str | None = "payment_method"
) -> StripeObject:
    """Return the payment method; a literal such as `pm_card_visa` makes a new one."""
    card = test_cards.by_literal(method_id) if method_id.startswith("pm_card_") else None
    if card:
        return _make(session, card, {})
    return session.get("payment_method", method_id, param=param)


def from_data(session: Session, data: dict[str, Any]) -> StripeObject:
    """Make a payment method from `type` and `card`, as in create or `payment_method_data`."""
    if data.get("type") != "card":
        raise StripeError(
            f"The payment method type {data.get('type')!r} is not emulated: use card.",
            param="type",
        )
    details = data.get("card")
    if not details:
        raise StripeError("Missing required param: card.", code="parameter_missing", param="card")
    if "token" in details:
        card = _card_of_token(session, details["token"])
    elif "number" in details:
        card = test_cards.by_number(details["number"])
        test_cards.check_expiry_and_cvc(
            exp_month=details.get("exp_month", 0),
            exp_year=details.get("exp_year", 0),
            cvc=details.get("cvc"),
            today=time.gmtime()[:2],
        )
    else:
        raise StripeError(
            "Missing required param: card[number].", code="parameter_missing", param="card[number]"
        )
    return _make(session, card, data)


def card_of(method: StripeObject) -> TestCard:
    """Return the test card a payment method was made of."""
    return test_cards.BY_NUMBER[hidden(method)["number"]]


def is_set_up(method: StripeObject) -> bool:
    """Return whether the cardholder has agreed to payments without them, by 3-D Secure."""
    return bool(hidden(method).get("set_up")) or card_of(method).three_d_secure == "set_up"


def attach_to_customer(session: Session, method: StripeObject, customer_id: str) -> StripeObject:
    """Attach, or raise the card's decline."""
    card = card_of(method)
    if card.decline and not card.attachable:
        raise card_error(
            card.decline.message, code=card.decline.code, decline_code=card.decline.decline_code
        )
    if method["customer"] == customer_id:
        return method
    if method["customer"]:
        raise StripeError(
            "The payment method you provided has already been attached to a customer."
        )
    check_reusable(method)
    session.save(method, customer=customer_id)
    session.emit("payment_method.attached", method)
    return method


def detach_from_customer(session: Session, method: StripeObject) -> StripeObject:
    """Detach from the customer and spend."""
    customer_id = method["customer"]
    hidden(method)["spent"] = True
    session.save(method, customer=None)
    session.emit("payment_method.detached", method, previous={"customer": customer_id})
    return method


def check_reusable(method: StripeObject) -> None:
    """Raise unless the payment method may be used: unattached ones may be used once."""
    if hidden(method).get("spent"):
        raise StripeError(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer"
            " attachment, shared with a connected account without Customer attachment, or was"
            " detached from a Customer. It may not be used again. To use a PaymentMethod multiple"
            " times, you must attach it to a Customer first."
        )


def check_belongs(method: StripeObject, customer_id: str | None) -> None:
    """Raise unless the payment method is the customer's, or nobody's yet."""
    check_reusable(method)
    owner = method["customer"]
    if owner and customer_id is None:
        raise StripeError(
            f"The PaymentMethod {method['id']} belongs to the Customer {owner}. Please include the"
            " Customer in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    if owner and owner != customer_id:
        raise not_attached(method["id"], param="payment_method")


def not_attached(method_id: str, *, param: str) -> StripeError:
    """Make the error for a payment method that is another customer's."""
    return StripeError(
        f"The customer does not have a payment method with the ID {method_id}. The payment method"
        " must be attached to the customer.",
        code="resource_missing",
        param=param,
    )


def _card_of_token(session: Session, token: str) -> TestCard:
    card = test_cards.by_literal(token)
    if card:
        return card
    made = session.get("token", token, param="card[token]")
    if made["used"]:
        raise StripeError(
            f"You cannot use a Stripe token more than once: {token}.",
            code="token_already_used",
            param="card[token]",
        )
    session.save(made, used=True)
    return test_cards.BY_NUMBER[hidden(made)["number"]]


def _make(session: Session, card: TestCard, data: dict[str, Any]) -> StripeObject:
    method = session.create(
        "payment_method",
        type="card",
        allow_redisplay=data.get("allow_redisplay", "unspecified"),
        billing_details=_billing_details(data.get("billing_details", {})),
        card=card_details(card, data.get("card", {})),
        metadata=merged_metadata({}, data.get("metadata", {})),
    )
    hidden(method)["number"] = card.number
    return method


def card_details(card: TestCard, given: dict[str, Any]) -> dict[str, Any]:
    """Return what a payment method shows of its card."""
    exp_year = given.get("exp_year", time.gmtime().tm_year + 1)
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": card.postal_check if card.postal_check == "fail" else None,
            "cvc_check": card.cvc_check if given.get("cvc") else "unchecked",
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": given.get("exp_month", 12),
        "exp_year": exp_year + 2000 if exp_year < 100 else exp_year,  # noqa: PLR2004 - two digits
        "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.three_d_secure != "unsupported"},
        "wallet": None,
    }


def _billing_details(given: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
    details: dict[str, Any] = dict(
        old
        or {
            "address": dict(_NO_ADDRESS),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        }
    )
    for name, value in given.items():
        if name == "address" and isinstance(value, dict):
            details["address"] = {**details["address"], **value}
        else:
            details[name] = None if value == "" else value
    return details
