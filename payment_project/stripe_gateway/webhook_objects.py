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


def is_of_our_version(webhook_event: Mapping[str, Any]) -> bool:
    """Tell whether an event's object has its fields where this service looks for them.

    That is, in the SDK's API version. What was deleted has no fields but its id.
    """
    is_deleted = bool(webhook_event["data"]["object"].get("deleted"))
    return is_deleted or webhook_event.get("api_version") == stripe.api_version


def ids_in(shown: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return of an object of another API version what leads to what it is about, as ours has it.

    That is ids, which mean the same in every version, and the metadata, which is our own. None if
    they are not where any version so far has them: the object itself is to be fetched.
    https://docs.stripe.com/changelog/basil/2025-03-31/adds-new-parent-field-to-invoicing-objects
    """
    ours: dict[str, Any] = {"object": shown["object"], "id": shown["id"]}
    match shown:
        case {"object": "subscription" | "payment_method" | "customer"}:
            return ours
        case {"object": "setup_intent", "metadata": dict(metadata)}:
            return {**ours, "metadata": metadata}
        case {"object": "charge" | "refund" | "dispute", "payment_intent": str(intent)}:
            return {**ours, "payment_intent": intent}
        case {"object": "invoice", "subscription": str(subscription)} | {
            "object": "invoice",
            "parent": {"subscription_details": {"subscription": str(subscription)}},
        }:
            return {**ours, "parent": {"subscription_details": {"subscription": subscription}}}
    return None


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
