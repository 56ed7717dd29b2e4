"""What is done to a payment at Stripe after its first answer: confirm, capture, cancel, refund."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kafka_bridge.contracts import PaymentStatus, PaymentUpdateRequested
from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import (
    NotOfThisPayment,
    StripeRejected,
    refusal_of,
)
from payment_project.stripe_gateway.payment_intents import (
    OFF_SESSION,
    fetch,
    retrieve_payment_intent,
    whole_state_of,
)
from payment_project.stripe_gateway.refunds import refund
from payment_project.stripe_gateway.sdk import stripe
from payment_project.stripe_gateway.states import IntentState, Refusal, declined_state

if TYPE_CHECKING:
    from stripe.params import PaymentIntentConfirmParams

Intent = Mapping[str, Any]


async def update_payment(event: PaymentUpdateRequested) -> IntentState:
    """Do to a payment what the event asks, once, and return how it is then.

    What Stripe refuses for the sake of the payment's state or of the asker's values is an answer:
    the state with its `refusal`, or with a refund that failed.

    Raises:
        NotOfThisPayment: the PaymentIntent was made for another payment or customer.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    intent = await fetch(event.payment_intent_id)
    if not _is_of(intent, event):
        raise NotOfThisPayment(f"{event.payment_intent_id} is not of payment {event.payment_id}")
    if event.expected_status not in (None, intent["status"]):
        return await whole_state_of(intent)
    return await _ACTIONS[event.action](event, intent)


async def _refresh(_event: PaymentUpdateRequested, intent: Intent) -> IntentState:
    return await whole_state_of(intent)


async def _confirm(event: PaymentUpdateRequested, intent: Intent) -> IntentState:
    """Confirm again after the customer's 3-D Secure: manual confirmation leaves that to us.

    A payment without its customer, whom the bank wanted to see, is begun anew with the same card.
    Any other declined payment is over: another one may have been made in its place. Where there is
    nothing to confirm, because it failed or somebody was faster, nothing is done.
    """
    params = _confirm_params(event, intent)
    if params is None:
        return await whole_state_of(intent)
    try:
        confirmed = await _post(event, "confirm", params)
    except stripe.CardError as error:
        return declined_state(error)
    except StripeRejected as error:
        return await _refused(event, refusal_of(error), error)
    return await whole_state_of(confirmed)


async def _capture(event: PaymentUpdateRequested, intent: Intent) -> IntentState:
    """Take what was authorised, or a part of it; the rest is given up."""
    wanted = event.amount or intent["amount"]
    if (intent["status"], intent["amount_received"]) == (PaymentStatus.SUCCEEDED, wanted):
        return await whole_state_of(intent)
    amount = {"amount_to_capture": event.amount} if event.amount else {}
    try:
        captured = await _post(event, "capture", amount)
    except stripe.CardError as error:
        return await _refused(event, Refusal(error.code or "", error.user_message or ""), error)
    except StripeRejected as error:
        return await _refused(event, refusal_of(error), error)
    return await whole_state_of(captured)


async def _cancel(event: PaymentUpdateRequested, intent: Intent) -> IntentState:
    if intent["status"] == PaymentStatus.CANCELED:
        return await whole_state_of(intent)
    reason = {"cancellation_reason": event.reason} if event.reason else {}
    try:
        canceled = await _post(event, "cancel", reason)
    except StripeRejected as error:
        return await _refused(event, refusal_of(error), error)
    return await whole_state_of(canceled)


_ACTIONS: Final[dict[str, Callable[[PaymentUpdateRequested, Intent], Awaitable[IntentState]]]] = {
    "confirm": _confirm,
    "capture": _capture,
    "cancel": _cancel,
    "refund": refund,
    "refresh": _refresh,
}


async def _post(event: PaymentUpdateRequested, action: str, params: Mapping[str, Any]) -> Intent:
    # A repetition gets the first answer. What happened since comes later in the payment's lane.
    return await request(
        "post",
        f"/v1/payment_intents/{event.payment_intent_id}/{action}",
        {**params, "expand": ["latest_charge.refunds"]},
        idempotency_key=f"{event.event_id}:{action}",
    )


async def _refused(
    event: PaymentUpdateRequested, refusal: Refusal | None, error: Exception
) -> IntentState:
    if refusal is None:
        raise error
    return replace(await retrieve_payment_intent(event.payment_intent_id), refusal=refusal)


def _confirm_params(
    event: PaymentUpdateRequested, intent: Intent
) -> "PaymentIntentConfirmParams | None":
    if intent["status"] == PaymentStatus.REQUIRES_CONFIRMATION:
        return {}
    failure = intent["last_payment_error"] or {}
    was_without_customer = OFF_SESSION in intent["metadata"]
    if not was_without_customer or (intent["status"], failure.get("code")) != (
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
        "authentication_required",
    ):
        return None
    params: PaymentIntentConfirmParams = {"payment_method": failure["payment_method"]["id"]}
    if event.return_url:
        params["return_url"] = event.return_url
    else:
        params["use_stripe_sdk"] = True
    return params


def _is_of(intent: Intent, event: PaymentUpdateRequested) -> bool:
    metadata = intent["metadata"]
    wanted = (str(event.payment_id), event.customer_id)
    return (metadata.get("payment_id"), metadata.get("customer_id")) == wanted
