"""PaymentIntents: made and confirmed in one call, with a key that makes its repetition harmless."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from kafka_bridge.contracts import CardPaymentRequested, PaymentStatus
from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import (
    NotOfThisPayment,
    StripeRejected,
    card_is_owned_or_spent,
)
from payment_project.stripe_gateway.idempotency import make_once
from payment_project.stripe_gateway.lists import all_of, find_made
from payment_project.stripe_gateway.sdk import stripe
from payment_project.stripe_gateway.states import (
    IntentState,
    declined_state,
    disputes_of,
    refunds_of,
    state_of,
)

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams

OFF_SESSION: Final = "off_session"
"""Metadata of what was charged without the customer: Stripe does not tell."""

_CUSTOMERS_OWN: Final = frozenset(
    {"payment_method", "confirmation_token", "amount", "currency", "return_url"}
)
"""Parameters passed on as the customer gave them. If Stripe refuses one of these, the payment has
failed; if it refuses another, we have a bug."""


async def create_payment_intent(
    event: CardPaymentRequested, *, stripe_customer_id: str = ""
) -> IntentState:
    """Charge the card that the event names: once, however often the event is delivered.

    Raises:
        CardOfACustomer: the card is saved, and not with this Customer; or it was used up.
        NotOfThisPayment: the payment was asked for before, with another amount.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    # Another body needs another key. Without its Customer a saved card was refused before.
    suffix = ":customer" if stripe_customer_id else ""
    try:
        intent = await make_once(
            lambda: request(
                "post",
                "/v1/payment_intents",
                _create_params(event, stripe_customer_id),
                idempotency_key=f"{_payment_id(event)}:payment_intent{suffix}",
            ),
            find=lambda: _find(event),
        )
    except stripe.CardError as error:
        return declined_state(error)
    except StripeRejected as error:
        if card_of_a_customer := card_is_owned_or_spent(error):
            raise card_of_a_customer from error
        if failed := _failed(error.__cause__):
            return failed
        raise
    return state_of(intent)


async def find_payment_intent(event: CardPaymentRequested) -> IntentState | None:
    """Return how a request went in an earlier attempt; None if Stripe has nothing of it.

    Raises:
        NotOfThisPayment: the payment was asked for before, with another amount.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    made = await _find(event)
    return state_of(made) if made else None


async def retrieve_payment_intent(payment_intent_id: str) -> IntentState:
    """Fetch a payment as it is now, with its refunds and disputes.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    return await whole_state_of(await fetch(payment_intent_id))


async def fetch(payment_intent_id: str) -> dict[str, Any]:
    """Fetch a PaymentIntent's JSON as `whole_state_of` takes it: one read, so of one moment.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    path = f"/v1/payment_intents/{quote(payment_intent_id, safe='')}"
    return await request("get", path, {"expand": ["latest_charge.refunds"]})


async def whole_state_of(intent: Mapping[str, Any]) -> IntentState:
    """Read what `fetch` returned, and ask for what it can hold no room for."""
    state, charge = state_of(intent), intent["latest_charge"]
    if not state.amount_captured:
        # Until 2025 Stripe showed an authorisation that was given up as a refund.
        return replace(state, refunds=(), disputes=())
    of_payment = {"payment_intent": state.payment_intent_id}
    refunds, disputes = charge["refunds"], list[dict[str, Any]]()
    listed = refunds["data"]
    if refunds["has_more"]:
        listed = [refund async for refund in all_of("/v1/refunds", of_payment)]
    if charge["disputed"]:
        disputes = [dispute async for dispute in all_of("/v1/disputes", of_payment)]
    return replace(state, refunds=refunds_of(listed), disputes=disputes_of(disputes))


async def _find(event: CardPaymentRequested) -> dict[str, Any] | None:
    ours = {"payment_id": _payment_id(event)}
    made = await find_made("/v1/payment_intents", ours, expand=["data.latest_charge"])
    if made and (made["amount"], made["currency"]) != (event.amount, event.currency):
        charged = f"{made['amount']} {made['currency']}"
        raise NotOfThisPayment(f"{made['id']} of {charged} was made for another request")
    return made


def _payment_id(event: CardPaymentRequested) -> str:
    return str(event.payment_id or event.event_id)


def _create_params(
    event: CardPaymentRequested, stripe_customer_id: str
) -> "PaymentIntentCreateParams":
    # From the event alone: a repetition must send the same body with the same key.
    metadata = {
        "event_id": str(event.event_id),
        "payment_id": _payment_id(event),
        "customer_id": event.customer_id,
        "correlation_id": str(event.correlation_id or event.event_id),
    }
    params: PaymentIntentCreateParams = {
        "amount": event.amount,
        "currency": event.currency,
        "confirm": True,
        "confirmation_method": "manual",
        "allowed_payment_method_types": ["card"],
        "expand": ["latest_charge"],
        "metadata": metadata,
    }
    if event.confirmation_token:
        params["confirmation_token"] = event.confirmation_token
    elif event.payment_method_id:
        params["payment_method"] = event.payment_method_id
    if stripe_customer_id:
        params["customer"] = stripe_customer_id
    options = event.payment_options
    if options and options.return_url:
        params["return_url"] = options.return_url
    else:
        params["use_stripe_sdk"] = True
    if options and options.capture_method:
        params["capture_method"] = options.capture_method
    if options and options.description:
        params["description"] = options.description
    if options and options.off_session:  # with a card that is saved already
        params["off_session"] = True
        params["metadata"] = {**metadata, OFF_SESSION: "true"}
    elif options and options.save_card:
        params["setup_future_usage"] = "off_session"
    return params


def _failed(error: BaseException | None) -> IntentState | None:
    if not isinstance(error, stripe.InvalidRequestError) or error.param not in _CUSTOMERS_OWN:
        return None
    return IntentState(
        status=PaymentStatus.FAILED,
        error_code=error.code or "invalid_request",
        error_message=error.user_message or str(error),
    )
