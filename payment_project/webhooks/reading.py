"""What a webhook tells, as far as it can be known without our own tables."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from kafka_bridge.contracts import PaymentStatus, WebhookReceived
from payment_project.stripe_gateway import payment_intents
from payment_project.stripe_gateway.payment_intents import IntentState
from payment_project.stripe_gateway.webhooks import read_webhook

_FINAL: Final = (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a webhook says: the new state of one of our payments, or why it says nothing to us."""

    webhook_event_id: str
    webhook_event_type: str
    payment_id: UUID | None = None
    state: IntentState | None = None
    ignored_because: str | None = None


async def read(event: WebhookReceived) -> Reading:
    """Verify a webhook and find out what state it tells of.

    Webhooks come in any order, and Stripe's seconds do not order them. A final state is final; any
    other is fetched, so that what is applied is never older than what was.

    Raises:
        WebhookNotSigned: it is not Stripe's.
        TryLater, OutcomeUnknown: the object could not be fetched.
    """
    webhook_event = read_webhook(event, secrets=settings.STRIPE_WEBHOOK_SECRETS)
    name = {
        "webhook_event_id": webhook_event["id"],
        "webhook_event_type": webhook_event["type"],
    }
    if not webhook_event["type"].startswith("payment_intent."):
        return Reading(**name, ignored_because="this type is of no interest")
    intent: dict[str, Any] = webhook_event["data"]["object"]
    payment_id = _payment_id(intent)
    if payment_id is None:
        return Reading(**name, ignored_because="the PaymentIntent is not of our making")
    if intent["status"] in _FINAL:
        state = payment_intents.state_of(intent)
    else:
        state = await payment_intents.retrieve_payment_intent(intent["id"])
    return Reading(**name, payment_id=payment_id, state=state)


def _payment_id(intent: dict[str, Any]) -> UUID | None:
    try:
        return UUID(intent["metadata"]["payment_id"])
    except (KeyError, ValueError):
        return None  # made by somebody else with the same Stripe account
