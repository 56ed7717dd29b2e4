"""Taking over what was made with the account elsewhere: it is given our metadata, and is ours."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid5

from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.states import Origin, state_of
from payment_project.stripe_gateway.subscription_states import JSON, SubscriptionOrigin, origin_of

_ADOPTED: Final = UUID("3c7a0f62-2f0b-5b57-9d6e-61646f707465")


async def is_of_invoice(payment_intent_id: str) -> bool:
    """Tell whether a PaymentIntent pays an invoice, which tells of it itself.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    payment = {"type": "payment_intent", "payment_intent": payment_intent_id}
    listed = await request("get", "/v1/invoice_payments", {"payment": payment, "limit": 1})
    return bool(listed["data"])


async def adopt_payment_intent(payment_intent_id: str, *, customer_id: str) -> Origin | None:
    """Give a PaymentIntent the metadata of a payment of ours: the same however often.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    return state_of(
        await _adopt("payment_intents", payment_intent_id, "payment_id", customer_id)
    ).origin


async def adopt_subscription(
    stripe_subscription_id: str, *, customer_id: str
) -> SubscriptionOrigin | None:
    """Give a Subscription the metadata of a subscription of ours: the same however often.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    adopted = await _adopt("subscriptions", stripe_subscription_id, "subscription_id", customer_id)
    return origin_of(adopted["metadata"])


async def _adopt(collection: str, object_id: str, ours: str, customer_id: str) -> JSON:
    metadata: Mapping[str, Any] = {
        ours: str(uuid5(_ADOPTED, object_id)),
        "event_id": str(uuid5(_ADOPTED, f"{object_id}/event")),
        "correlation_id": str(uuid5(_ADOPTED, object_id)),
        "customer_id": customer_id,
    }
    return await request(
        "post",
        f"/v1/{collection}/{object_id}",
        {"metadata": metadata},
        idempotency_key=f"{uuid5(_ADOPTED, f'{object_id}/{customer_id}')}:adopt",
    )
