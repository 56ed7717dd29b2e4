"""What a webhook is about, in the API version that this service reads."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import StripeRejected, is_missing
from payment_project.stripe_gateway.sdk import stripe

_COLLECTIONS: Final = {
    "charge": "charges",
    "customer": "customers",
    "dispute": "disputes",
    "invoice": "invoices",
    "payment_intent": "payment_intents",
    "payment_method": "payment_methods",
    "refund": "refunds",
    "setup_intent": "setup_intents",
    "subscription": "subscriptions",
}


def is_thin(webhook_event: Mapping[str, Any]) -> bool:
    """Tell whether an event is of Stripe's v2 API, which names an object and does not show it."""
    return bool(webhook_event.get("object") == "v2.core.event")


async def object_of(webhook_event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return an event's object; None if Stripe has it no more.

    An event that was rendered in another API version than the SDK's has fields that are not where
    they are looked for. Of its object only `object` and `id`, which every version has, are
    believed, and the object is fetched.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    shown: Mapping[str, Any] = webhook_event["data"]["object"]
    if webhook_event.get("api_version") == stripe.api_version or shown.get("deleted"):
        return shown
    return await fetch_object(str(shown.get("object")), str(shown.get("id")))


async def fetch_object(kind: str, object_id: str) -> Mapping[str, Any] | None:
    """Fetch an object; None if Stripe has none, or none of this kind.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    if kind not in _COLLECTIONS:
        return None
    try:
        return await request("get", f"/v1/{_COLLECTIONS[kind]}/{quote(object_id, safe='')}", {})
    except StripeRejected as error:
        if is_missing(error):
            return None
        raise
