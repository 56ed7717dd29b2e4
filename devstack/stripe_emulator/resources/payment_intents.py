"""PaymentIntents: their endpoints and their states.

https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from typing import Any, NoReturn

from devstack.stripe_emulator import authentication, currencies
from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.objects import hidden, merged_metadata, public, random_word
from devstack.stripe_emulator.resources import charges, customer_lookup, payment_methods
from devstack.stripe_emulator.resources.intents import (
    adopt_confirmation_token,
    automatic_payment_methods,
    card_options,
    check_return_url,
)
from devstack.stripe_emulator.resources.payment_attempts import Terms, attempt
from devstack.stripe_emulator.routing import Params, Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)
_ONLY_WHEN_CONFIRMING = (
    "confirmation_token",
    "error_on_requires_action",
    "mandate_data",
    "off_session",
    "return_url",
)
_PLAIN_FIELDS = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_CHANGEABLE_WHEN_DONE = {"description", "metadata", "receipt_email", "shipping"}


@routes.add("POST", "/v1/payment_intents", "PaymentIntentCreateParams")
def create(request: Request) -> StripeObject:
    """Create a PaymentIntent, and confirm it if asked to."""
    session, params = request.session, request.params
    for name in _ONLY_WHEN_CONFIRMING:
        if name in params and not params.get("confirm"):
            raise StripeError(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless"
                " `confirm` is set to true.",
                param=name,
            )
    currency = currencies.check_currency(params["currency"])
    currencies.check_amount(params["amount"], currency)
    customer_id = params.get("customer")
    if customer_id:
        customer_lookup.existing(session, customer_id, param="customer")
    intent = make(
        session,
        amount=params["amount"],
        currency=currency,
        customer=customer_id,
        automatic_payment_methods=automatic_payment_methods(params),
        allowed_payment_method_types=params.get("allowed_payment_method_types"),
        excluded_payment_method_types=params.get("excluded_payment_method_types"),
        capture_method=params.get("capture_method", "automatic_async"),
        confirmation_method=params.get("confirmation_method", "automatic"),
    )
    params = _take_in(session, intent, params)
    session.emit("payment_intent.created", intent)
    return _attempt_with(session, intent, params) if params.get("confirm") else intent


@routes.add("GET", "/v1/payment_intents", "PaymentIntentListParams")
def index(request: Request) -> StripeObject:
    """List PaymentIntents."""
    return list_objects(
        request, "payment_intent", where={"customer": request.params.get("customer")}
    )


@routes.add("GET", "/v1/payment_intents/{id}", "PaymentIntentRetrieveParams", publishable=True)
def retrieve(request: Request) -> StripeObject:
    """Retrieve a PaymentIntent; a browser needs its client secret."""
    intent = request.session.get("payment_intent", request.id)
    if request.publishable or "client_secret" in request.params:
        authentication.require_client_secret(intent, request.params.get("client_secret"))
    return intent


@routes.add("POST", "/v1/payment_intents/{id}", "PaymentIntentUpdateParams")
def update(request: Request) -> StripeObject:
    """Update a PaymentIntent without confirming it."""
    session, params = request.session, request.params
    intent = session.get("payment_intent", request.id)
    if intent["status"] not in _CONFIRMABLE and params.keys() - _CHANGEABLE_WHEN_DONE:
        _unexpected_state(intent, "updated", _CONFIRMABLE)
    if "currency" in params:
        intent["currency"] = currencies.check_currency(params["currency"])
    if "amount" in params:
        currencies.check_amount(params["amount"], intent["currency"])
        intent["amount"] = params["amount"]
    if "customer" in params:
        customer_lookup.existing(session, params["customer"], param="customer")
        intent["customer"] = params["customer"]
    _take_in(session, intent, params)
    return intent


@routes.add(
    "POST", "/v1/payment_intents/{id}/confirm", "PaymentIntentConfirmParams", publishable=True
)
def confirm(request: Request) -> StripeObject:
    """Confirm: with a secret key, or from a browser when confirmation is automatic."""
    session, params = request.session, request.params
    intent = session.get("payment_intent", request.id)
    if request.publishable:
        authentication.require_client_secret(intent, params.get("client_secret"))
        if intent["confirmation_method"] == "manual":
            raise StripeError(
                "This PaymentIntent cannot be confirmed using your publishable key because its"
                " `confirmation_method` is set to `manual`. Please use your secret key instead, or"
                " create a PaymentIntent with `confirmation_method` set to `automatic`.",
                code="payment_intent_invalid_parameter",
            )
    if intent["status"] not in _CONFIRMABLE:
        _unexpected_state(intent, "confirmed", _CONFIRMABLE)
    params = _take_in(session, intent, params)
    return _attempt_with(session, intent, params, publishable=request.publishable)


@routes.add("POST", "/v1/payment_intents/{id}/capture", "PaymentIntentCaptureParams")
def capture(request: Request) -> StripeObject:
    """Capture an authorised payment, in whole or in part; the rest is released."""
    session, params = request.session, request.params
    intent = session.get("payment_intent", request.id)
    if intent["status"] != "requires_capture":
        _unexpected_state(intent, "captured", ("requires_capture",))
    amount: int = intent["amount_capturable"]
    amount = params.get("amount_to_capture", amount)
    if amount < 1:
        raise StripeError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount_to_capture",
        )
    if amount > intent["amount_capturable"]:
        raise StripeError(
            "The payment could not be captured because the requested capture amount is greater than"
            " the amount you can capture for this charge.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    charges.capture(session, session.the(intent["latest_charge"]), amount)
    session.save(intent, status="succeeded", amount_capturable=0, amount_received=amount)
    session.emit("payment_intent.succeeded", intent)
    return intent


@routes.add("POST", "/v1/payment_intents/{id}/cancel", "PaymentIntentCancelParams")
def cancel(request: Request) -> StripeObject:
    """Cancel; an authorised amount is released."""
    session = request.session
    intent = session.get("payment_intent", request.id)
    if intent["status"] not in _CANCELABLE:
        raise StripeError(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
            " Only a PaymentIntent with one of the following statuses may be canceled:"
            f" {', '.join(_CANCELABLE)}.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    if hidden(intent).get("invoice"):
        raise StripeError(
            "This PaymentIntent is associated with an Invoice. You can void the Invoice to cancel"
            " the PaymentIntent."
        )
    return cancel_intent(session, intent, reason=request.params.get("cancellation_reason"))


def make(session: Session, **fields: Any) -> StripeObject:
    """Make a PaymentIntent that has no payment method yet."""
    intent = session.create(
        "payment_intent",
        **{
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "metadata": {},
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
            **fields,
        },
    )
    intent["payment_method_options"] = card_options({})
    intent["client_secret"] = f"{intent['id']}_secret_{random_word(25)}"
    return intent


def _attempt_with(
    session: Session, intent: StripeObject, params: Params, *, publishable: bool = False
) -> StripeObject:
    """Attempt the payment on the terms of a confirmation whose other parameters were taken in."""
    if not intent["payment_method"]:
        raise StripeError(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can"
            " either update the PaymentIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    payment_methods.check_belongs(session.the(intent["payment_method"]), intent["customer"])
    use_stripe_sdk = publishable or bool(params.get("use_stripe_sdk"))
    return_url = params.get("return_url") or hidden(intent).get("return_url")
    if not use_stripe_sdk:
        check_return_url(intent, return_url)
    return attempt(
        session,
        intent,
        Terms(
            off_session=bool(params.get("off_session")),
            error_on_requires_action=bool(params.get("error_on_requires_action")),
            return_url=return_url,
            use_stripe_sdk=use_stripe_sdk,
        ),
    )


def cancel_intent(session: Session, intent: StripeObject, *, reason: str | None) -> StripeObject:
    """Cancel an intent that can be."""
    session.save(
        intent,
        status="canceled",
        canceled_at=session.now(charges.intent_clock(session, intent)),
        cancellation_reason=reason,
        next_action=None,
        amount_capturable=0,
    )
    session.emit("payment_intent.canceled", intent)
    return intent


def _take_in(session: Session, intent: StripeObject, params: Params) -> Params:
    """Set what the parameters set. Return them, with what a ConfirmationToken adds."""
    if "confirmation_token" in params:
        params = adopt_confirmation_token(session, intent, params)
    for name in _PLAIN_FIELDS:
        if name in params:
            intent[name] = None if params[name] == "" else params[name]
    if "capture_method" in params:
        intent["capture_method"] = params["capture_method"]
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    if "payment_method_options" in params:
        intent["payment_method_options"] = card_options(params["payment_method_options"])
    if "payment_method_data" in params:
        method = payment_methods.from_data(session, params["payment_method_data"])
    elif params.get("payment_method"):
        method = payment_methods.named(session, params["payment_method"])
    else:
        session.save(intent)
        return params
    payment_methods.check_belongs(method, intent["customer"])
    hidden(intent).pop("authenticated", None)
    session.save(
        intent, payment_method=method["id"], status="requires_confirmation", next_action=None
    )
    return params


def _unexpected_state(intent: StripeObject, verb: str, allowed: tuple[str, ...]) -> NoReturn:
    if len(allowed) == 1:
        rest = f"Only a PaymentIntent with status {allowed[0]} may be {verb}."
    else:
        rest = (
            "Only a PaymentIntent with one of the following statuses may be"
            f" {verb}: {', '.join(allowed)}."
        )
    raise StripeError(
        f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
        f" {rest}",
        code="payment_intent_unexpected_state",
        payment_intent=public(intent),
    )
