"""Refunds: asked for once, told as Stripe has them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from kafka_bridge.contracts import PaymentUpdateRequested
from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import StripeRejected, refusal_of
from payment_project.stripe_gateway.payment_intents import (
    retrieve_payment_intent,
    whole_state_of,
)
from payment_project.stripe_gateway.states import IntentState, RefundState, Refusal

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams


async def refund(event: PaymentUpdateRequested, intent: Mapping[str, Any]) -> IntentState:
    """Refund a payment, in part if the event says how much.

    The payment's refunds are looked at first. So it does no harm that Stripe forgets our key after
    a day, or repeats a 500 that it stored for it: a refund that was made is seen.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    state = await whole_state_of(intent)
    if any(made.refund_id == event.event_id for made in state.refunds or ()):
        return state
    try:
        await request(
            "post",
            "/v1/refunds",
            _params(event),
            idempotency_key=f"{event.event_id}:refund",
        )
    except StripeRejected as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        state = await retrieve_payment_intent(event.payment_intent_id)
        refused = _refused(event, refusal, amount=event.amount or intent["amount"])
        return replace(state, refunds=(*(state.refunds or ()), refused))
    return await retrieve_payment_intent(event.payment_intent_id)


def _params(event: PaymentUpdateRequested) -> "RefundCreateParams":
    # From the event alone: a repetition must send the same body with the same key.
    params: RefundCreateParams = {
        "payment_intent": event.payment_intent_id,
        "metadata": {
            "refund_id": str(event.event_id),
            "payment_id": str(event.payment_id),
            "customer_id": event.customer_id,
            "correlation_id": str(event.correlation_id or event.event_id),
        },
    }
    if event.amount:
        params["amount"] = event.amount
    if event.reason and event.reason != "abandoned":  # which the contract has for cancellations
        params["reason"] = event.reason
    return params


def _refused(event: PaymentUpdateRequested, refusal: Refusal, *, amount: int) -> RefundState:
    return RefundState(
        refund_id=event.event_id,
        stripe_refund_id="",
        amount=amount,
        status="failed",
        created_at=timezone.now(),
        reason=event.reason or "",
        error=refusal.message,
    )
