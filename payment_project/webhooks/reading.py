"""What a webhook tells, as far as it can be known without our own tables."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from kafka_bridge.contracts import PaymentStatus, WebhookReceived
from payment_project.stripe_gateway import payment_intents
from payment_project.stripe_gateway.states import IntentState, state_of
from payment_project.stripe_gateway.webhooks import read_webhook

_FINAL: Final = (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a webhook says: the state of one of our payments, or why it says nothing to us."""

    webhook_event_id: str
    webhook_event_type: str
    state: IntentState | None = None
    ignored_because: str | None = None


async def read(event: WebhookReceived) -> Reading:
    """Verify a webhook and find out what state it tells of.

    Webhooks come in any order, and Stripe's seconds do not order them. So what they are about is
    fetched, unless it is final.

    Raises:
        WebhookNotSigned: it is not Stripe's.
        TryLater, StripeRejected, OutcomeUnknown: the object could not be fetched.
    """
    webhook_event = read_webhook(event, secrets=settings.STRIPE_WEBHOOK_SECRETS)
    name = (webhook_event["id"], webhook_event["type"])
    for prefix, reader in _READERS.items():
        if webhook_event["type"].startswith(prefix):
            state = await reader(webhook_event["data"]["object"])
            break
    else:
        return Reading(*name, ignored_because="this type is of no interest")
    if state is None or state.origin is None:
        return Reading(*name, ignored_because="the PaymentIntent is not of our making")
    return Reading(*name, state=state)


async def _of_intent(intent: dict[str, Any]) -> IntentState | None:
    state = state_of(intent)
    if state.origin is None:
        return None
    # Which card was saved stands in the charge, which a webhook does not have.
    if state.status in _FINAL and not intent["setup_future_usage"]:
        return state
    return await payment_intents.retrieve_payment_intent(state.payment_intent_id)


async def _of_its_payment(about: dict[str, Any]) -> IntentState | None:
    """Read what is about a payment: a charge, a refund, a dispute."""
    if not about["payment_intent"]:
        return None
    return await payment_intents.retrieve_payment_intent(about["payment_intent"])


_READERS: Final[dict[str, Callable[[dict[str, Any]], Awaitable[IntentState | None]]]] = {
    "payment_intent.": _of_intent,
    "charge.refunded": _of_its_payment,
    "charge.refund.": _of_its_payment,
    "refund.": _of_its_payment,
    "charge.dispute.": _of_its_payment,
}
"""Who reads which webhooks, by the beginning of their type."""
