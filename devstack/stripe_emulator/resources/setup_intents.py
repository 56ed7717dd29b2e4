"""SetupIntents: a card kept for later, authenticated now.

https://docs.stripe.com/payments/setupintents/lifecycle
"""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator import authentication
from devstack.stripe_emulator.errors import StripeError, StripeObject, card_error, doc_url
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.objects import hidden, merged_metadata, public, random_word
from devstack.stripe_emulator.resources import (
    customer_lookup,
    payment_methods,
    setup_attempts,
    subscription_states,
)
from devstack.stripe_emulator.resources.intents import (
    adopt_confirmation_token,
    automatic_payment_methods,
    check_return_url,
    next_action,
)
from devstack.stripe_emulator.routing import Params, Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


@routes.add("POST", "/v1/setup_intents", "SetupIntentCreateParams")
def create(request: Request) -> StripeObject:
    """Create a SetupIntent, and confirm it if asked to."""
    session, params = request.session, request.params
    for name in ("return_url", "confirmation_token", "mandate_data"):
        if name in params and not params.get("confirm"):
            raise StripeError(
                f"The parameter `{name}` cannot be passed when creating a SetupIntent unless"
                " `confirm` is set to true.",
                param=name,
            )
    if params.get("customer"):
        customer_lookup.existing(session, params["customer"], param="customer")
    intent = make(
        session,
        allowed_payment_method_types=params.get("allowed_payment_method_types"),
        automatic_payment_methods=automatic_payment_methods(params),
        customer=params.get("customer"),
        usage=params.get("usage", "off_session"),
    )
    params = _take_in(session, intent, params)
    session.emit("setup_intent.created", intent)
    return _attempt(session, intent, params) if params.get("confirm") else intent


@routes.add("GET", "/v1/setup_intents", "SetupIntentListParams")
def index(request: Request) -> StripeObject:
    """List SetupIntents."""
    params = request.params
    return list_objects(
        request,
        "setup_intent",
        where={
            "customer": params.get("customer"),
            "payment_method": params.get("payment_method"),
        },
    )


@routes.add("GET", "/v1/setup_intents/{id}", "SetupIntentRetrieveParams", publishable=True)
def retrieve(request: Request) -> StripeObject:
    """Retrieve a SetupIntent; a browser needs its client secret."""
    intent = request.session.get("setup_intent", request.id)
    if request.publishable or "client_secret" in request.params:
        authentication.require_client_secret(intent, request.params.get("client_secret"))
    return intent


@routes.add("POST", "/v1/setup_intents/{id}", "SetupIntentUpdateParams")
def update(request: Request) -> StripeObject:
    """Update a SetupIntent without confirming it."""
    session, params = request.session, request.params
    intent = session.get("setup_intent", request.id)
    if "customer" in params:
        customer_lookup.existing(session, params["customer"], param="customer")
        intent["customer"] = params["customer"]
    _take_in(session, intent, params)
    return intent


@routes.add("POST", "/v1/setup_intents/{id}/confirm", "SetupIntentConfirmParams", publishable=True)
def confirm(request: Request) -> StripeObject:
    """Confirm: verify the card, with 3-D Secure where the bank wants it."""
    session, params = request.session, request.params
    intent = session.get("setup_intent", request.id)
    if request.publishable:
        authentication.require_client_secret(intent, params.get("client_secret"))
    if intent["status"] not in _CONFIRMABLE:
        raise _unexpected_state(intent, "confirm")
    params = _take_in(session, intent, params)
    return _attempt(session, intent, params, publishable=request.publishable)


@routes.add("POST", "/v1/setup_intents/{id}/cancel", "SetupIntentCancelParams")
def cancel(request: Request) -> StripeObject:
    """Cancel a SetupIntent."""
    session = request.session
    intent = session.get("setup_intent", request.id)
    if intent["status"] not in _CONFIRMABLE:
        raise _unexpected_state(intent, "cancel")
    session.save(
        intent,
        status="canceled",
        cancellation_reason=request.params.get("cancellation_reason"),
        next_action=None,
    )
    session.emit("setup_intent.canceled", intent)
    return intent


def make(session: Session, **fields: Any) -> StripeObject:
    """Make a SetupIntent that has no payment method yet."""
    intent = session.create(
        "setup_intent",
        metadata={},
        payment_method_options={
            "card": {
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        payment_method_types=["card"],
        status="requires_payment_method",
        **fields,
    )
    intent["client_secret"] = f"{intent['id']}_secret_{random_word(25)}"
    return intent


def authenticate(session: Session, intent: StripeObject, *, success: bool) -> StripeObject:
    """Take the cardholder's answer to 3-D Secure."""
    if intent["status"] != "requires_action":
        raise _unexpected_state(intent, "authenticate")
    if success:
        return _succeed(session, intent)
    method = session.the(intent["payment_method"])
    return _fail(
        session,
        intent,
        {
            "code": "setup_intent_authentication_failure",
            "doc_url": doc_url("setup_intent_authentication_failure"),
            "message": "The latest attempt to set up the payment method has failed because"
            " authentication failed.",
            "payment_method": public(method),
            "type": "invalid_request_error",
        },
    )


def _take_in(session: Session, intent: StripeObject, params: Params) -> Params:
    """Set what the parameters set. Return them, with what a ConfirmationToken adds."""
    if "confirmation_token" in params:
        params = adopt_confirmation_token(session, intent, params)
    if "description" in params:
        intent["description"] = params["description"]
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    if "payment_method_options" in params:
        card = params["payment_method_options"].get("card") or {}
        for name in ("network", "request_three_d_secure"):
            if name in card:
                intent["payment_method_options"]["card"][name] = card[name]
    if "payment_method_data" in params:
        method = payment_methods.from_data(session, params["payment_method_data"])
    elif params.get("payment_method"):
        method = payment_methods.named(session, params["payment_method"])
    else:
        session.save(intent)
        return params
    payment_methods.check_belongs(method, intent["customer"])
    session.save(
        intent, payment_method=method["id"], status="requires_confirmation", next_action=None
    )
    return params


def _attempt(
    session: Session, intent: StripeObject, params: Params, *, publishable: bool = False
) -> StripeObject:
    if not intent["payment_method"]:
        raise StripeError(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the"
            " SetupIntent with a payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
            setup_intent=public(intent),
        )
    use_stripe_sdk = publishable or bool(params.get("use_stripe_sdk"))
    return_url = params.get("return_url")
    if not use_stripe_sdk:
        check_return_url(intent, return_url)
    method = session.the(intent["payment_method"])
    card = payment_methods.card_of(method)
    setup_attempts.record(session, intent, method)
    if card.decline and not card.attachable:
        error = {
            "code": card.decline.code,
            "decline_code": card.decline.decline_code,
            "doc_url": doc_url(card.decline.code),
            "message": card.decline.message,
            "payment_method": public(method),
            "type": "card_error",
        }
        _fail(session, intent, {name: value for name, value in error.items() if value is not None})
        raise card_error(
            card.decline.message,
            code=card.decline.code,
            decline_code=card.decline.decline_code,
            setup_intent=public(intent),
            payment_method=public(method),
        )
    if card.three_d_secure in ("required", "unless_set_up"):
        session.save(
            intent,
            status="requires_action",
            last_setup_error=None,
            next_action=next_action(
                session, intent, return_url=return_url, use_stripe_sdk=use_stripe_sdk
            ),
        )
        session.emit("setup_intent.requires_action", intent)
        return intent
    return _succeed(session, intent)


def _succeed(session: Session, intent: StripeObject) -> StripeObject:
    method = session.the(intent["payment_method"])
    hidden(method)["set_up"] = True
    session.save(method)
    if intent["customer"]:
        payment_methods.attach_to_customer(session, method, intent["customer"])
    session.save(intent, status="succeeded", next_action=None, last_setup_error=None)
    setup_attempts.close(session, intent, "succeeded", None)
    subscription_id = hidden(intent).get("subscription")
    if subscription_id:
        subscription_states.change(
            session,
            session.the(subscription_id),
            pending_setup_intent=None,
            default_payment_method=method["id"],
        )
    session.emit("setup_intent.succeeded", intent)
    return intent


def _fail(session: Session, intent: StripeObject, error: dict[str, object]) -> StripeObject:
    session.save(
        intent,
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=error,
    )
    setup_attempts.close(session, intent, "failed", error)
    session.emit("setup_intent.setup_failed", intent)
    return intent


def _unexpected_state(intent: StripeObject, verb: str) -> StripeError:
    return StripeError(
        f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}.",
        code="setup_intent_unexpected_state",
        setup_intent=public(intent),
    )
