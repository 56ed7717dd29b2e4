"""The webhook endpoint at Stripe: where it delivers what happens, and what of it."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.lists import all_of
from payment_project.stripe_gateway.sdk import stripe

_ENDPOINTS: Final = "/v1/webhook_endpoints"


class Endpoint(NamedTuple):
    """An endpoint, and what was done so that it is as it should be."""

    endpoint_id: str
    done: str
    """`created`, `updated`, `unchanged`, or `replaced`."""
    secret: str = ""
    """Only of one that was just made: Stripe never shows it again."""
    others: tuple[str, ...] = ()
    """Endpoints with the same address that render another API version: to be deleted by hand."""


async def sync_endpoint(url: str, *, events: Sequence[str]) -> Endpoint:
    """Have one endpoint at an address, enabled, for exactly these types, in the SDK's API version.

    The version of an endpoint never changes. Where there is one with another, a new one is made,
    and the old one stays until somebody has put the new one's secret beside its own.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    there = [found async for found in all_of(_ENDPOINTS, {}) if found["url"] == url]
    ours = next((one for one in there if one["api_version"] == stripe.api_version), None)
    others = tuple(one["id"] for one in there if one["api_version"] != stripe.api_version)
    if ours is None:
        made = await _create(url, events)
        done = "replaced" if others else "created"
        return Endpoint(made["id"], done, made["secret"], others)
    if set(ours["enabled_events"]) == set(events) and ours["status"] == "enabled":
        return Endpoint(ours["id"], "unchanged", others=others)
    wanted: dict[str, Any] = {"enabled_events": list(events), "disabled": False}
    await request("post", f"{_ENDPOINTS}/{ours['id']}", wanted)
    return Endpoint(ours["id"], "updated", others=others)


async def _create(url: str, events: Sequence[str]) -> dict[str, Any]:
    params = {"url": url, "enabled_events": list(events), "api_version": stripe.api_version}
    return await request("post", _ENDPOINTS, params)
