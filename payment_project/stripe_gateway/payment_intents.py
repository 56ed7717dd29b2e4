"""PaymentIntents: made and confirmed in one call, with a key that makes its repetition harmless."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import stripe
from django.utils import timezone
from stripe.params import PaymentIntentCreateParams

from kafka_bridge.contracts import CardPaymentRequested, PaymentStatus, PaymentUpdateRequested
from kafka_bridge.errors import OutcomeUnknown
from kafka_bridge.handlers import current_delivery
from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import NotOfThisPayment, StripeRejected, is_replayed

_KEYS_ARE_KEPT: Final = timedelta(hours=20)
"""Stripe keeps idempotency keys for 24: https://docs.stripe.com/api/idempotent_requests"""
_CLOCKS_DIFFER: Final = 300

_CUSTOMERS_OWN: Final = frozenset(
    {"payment_method", "confirmation_token", "amount", "currency", "return_url"}
)
"""Parameters passed on as the customer gave them. If Stripe refuses one of these, the payment has
failed; if it refuses another, we have a bug."""


@dataclass(frozen=True, slots=True)
class IntentState:
    """A PaymentIntent as Stripe answered; its id is empty if Stripe refused to make one."""

    status: PaymentStatus
    payment_intent_id: str = ""
    client_secret: str = ""
    next_action: Mapping[str, Any] | None = None
    error_code: str = ""
    decline_code: str = ""
    error_message: str = ""
    card_brand: str = ""
    card_country: str = ""


async def create_payment_intent(event: CardPaymentRequested) -> IntentState:
    """Charge the card that the event names: once, however often the event is delivered.

    Stripe knows the repetition by our key, but forgets keys after a day and repeats a 500 that it
    stored for one: then its list of PaymentIntents tells whether ours was made.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    if timezone.now() - current_delivery().received_at > _KEYS_ARE_KEPT and (
        made := await _find(event)
    ):
        return state_of(made)
    try:
        intent = await request(
            "post",
            "/v1/payment_intents",
            _create_params(event),
            idempotency_key=f"{_payment_id(event)}:payment_intent",
        )
    except stripe.CardError as error:
        return _declined(error)
    except OutcomeUnknown as error:
        if is_replayed(error) and (made := await _find(event)):
            return state_of(made)
        raise
    except StripeRejected as error:
        if failed := _failed(error.__cause__):
            return failed
        raise
    return state_of(intent)


async def _find(event: CardPaymentRequested) -> Mapping[str, Any] | None:
    # Stripe's search lags behind, and finding nothing there would prove nothing. Its lists do not.
    since = int(current_delivery().received_at.timestamp()) - _CLOCKS_DIFFER
    page = {"created": {"gte": since}, "limit": 100, "expand": ["data.latest_charge"]}
    while True:
        intents = await request("get", "/v1/payment_intents", page)
        for intent in intents["data"]:
            if intent["metadata"].get("payment_id") == _payment_id(event):
                found: Mapping[str, Any] = intent
                return found
        if not intents["has_more"]:
            return None
        page["starting_after"] = intents["data"][-1]["id"]


async def confirm_payment_intent(event: PaymentUpdateRequested) -> IntentState:
    """Confirm again after the customer's 3-D Secure: manual confirmation leaves that to us.

    Where there is nothing to confirm, because it failed or somebody was faster, the answer is the
    state that Stripe finds it in.

    Raises:
        NotOfThisPayment: the PaymentIntent was made for another payment or customer.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    intent = await _fetch(event.payment_intent_id)
    if not _is_of(intent, event):
        raise NotOfThisPayment(f"{event.payment_intent_id} is not of payment {event.payment_id}")
    if intent["status"] != PaymentStatus.REQUIRES_CONFIRMATION:
        return state_of(intent)
    try:
        intent = await request(
            "post",
            f"/v1/payment_intents/{event.payment_intent_id}/confirm",
            {"expand": ["latest_charge"]},
            idempotency_key=f"{event.event_id}:confirm",
        )
    except stripe.CardError as error:
        return _declined(error)
    except StripeRejected as error:
        if _is_unexpected_state(error.__cause__):
            return state_of(await _fetch(event.payment_intent_id))
        raise
    return state_of(intent)


async def retrieve_payment_intent(payment_intent_id: str) -> IntentState:
    """Fetch a PaymentIntent as it is now.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    return state_of(await _fetch(payment_intent_id))


async def _fetch(payment_intent_id: str) -> dict[str, Any]:
    return await request(
        "get", f"/v1/payment_intents/{payment_intent_id}", {"expand": ["latest_charge"]}
    )


def _is_of(intent: Mapping[str, Any], event: PaymentUpdateRequested) -> bool:
    metadata = intent["metadata"]
    wanted = (str(event.payment_id), event.customer_id)
    return (metadata.get("payment_id"), metadata.get("customer_id")) == wanted


def _payment_id(event: CardPaymentRequested) -> str:
    return str(event.payment_id or event.event_id)


def _create_params(event: CardPaymentRequested) -> PaymentIntentCreateParams:
    # From the event alone: a repetition must send the same body with the same key.
    params: PaymentIntentCreateParams = {
        "amount": event.amount,
        "currency": event.currency,
        "confirm": True,
        "confirmation_method": "manual",
        "allowed_payment_method_types": ["card"],
        "expand": ["latest_charge"],
        "metadata": {
            "event_id": str(event.event_id),
            "payment_id": _payment_id(event),
            "customer_id": event.customer_id,
            "correlation_id": str(event.correlation_id or event.event_id),
        },
    }
    if event.confirmation_token:
        params["confirmation_token"] = event.confirmation_token
    elif event.payment_method_id:
        params["payment_method"] = event.payment_method_id
    options = event.payment_options
    if options and options.return_url:
        params["return_url"] = options.return_url
    else:
        params["use_stripe_sdk"] = True
    if options and options.capture_method:
        params["capture_method"] = options.capture_method
    if options and options.description:
        params["description"] = options.description
    return params


def state_of(intent: Mapping[str, Any]) -> IntentState:
    """Read a PaymentIntent's JSON; its `latest_charge` may be expanded or not."""
    failure = intent.get("last_payment_error") or {}
    brand, country = _card(_charged_method(intent.get("latest_charge")))
    return IntentState(
        status=PaymentStatus(intent["status"]),
        payment_intent_id=intent["id"],
        client_secret=intent["client_secret"],
        next_action=intent["next_action"],
        error_code=failure.get("code") or "",
        decline_code=failure.get("decline_code") or "",
        error_message=failure.get("message") or "",
        card_brand=brand,
        card_country=country,
    )


def _declined(declined: stripe.CardError) -> IntentState:
    body: Any = declined.json_body or {}
    error: Mapping[str, Any] = body.get("error", {})
    intent: Mapping[str, Any] = error.get("payment_intent") or {}
    brand, country = _card(error.get("payment_method"))
    return IntentState(
        status=PaymentStatus(intent.get("status", PaymentStatus.FAILED)),
        payment_intent_id=intent.get("id", ""),
        client_secret=intent.get("client_secret") or "",
        error_code=error.get("code") or "",
        decline_code=error.get("decline_code") or "",
        error_message=error.get("message") or "",
        card_brand=brand,
        card_country=country,
    )


def _charged_method(charge: Any) -> Mapping[str, Any] | None:
    return charge.get("payment_method_details") if isinstance(charge, dict) else None


def _card(method: Mapping[str, Any] | None) -> tuple[str, str]:
    card = (method or {}).get("card") or {}
    return card.get("brand") or "", card.get("country") or ""


def _is_unexpected_state(error: BaseException | None) -> bool:
    return (
        isinstance(error, stripe.InvalidRequestError)
        and error.code == "payment_intent_unexpected_state"
    )


def _failed(error: BaseException | None) -> IntentState | None:
    if not isinstance(error, stripe.InvalidRequestError) or error.param not in _CUSTOMERS_OWN:
        return None
    return IntentState(
        status=PaymentStatus.FAILED,
        error_code=error.code or "invalid_request",
        error_message=error.user_message or str(error),
    )
