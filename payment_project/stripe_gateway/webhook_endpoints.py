"""The webhook endpoint at Stripe: where it delivers what happens, and what of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.lists import all_of
from payment_project.stripe_gateway.sdk import stripe

_ENDPOINTS: Final = "/v1/webhook_endpoints"
_MARK: Final = "paybridge"
"""In the metadata of endpoints of ours: which installation it is for."""


class EndpointElsewhere(Exception):
    """The endpoint of this name leads to another address."""


class Endpoint(NamedTuple):
    """An endpoint, and what was done so that it is as it should be."""

    endpoint_id: str
    done: str
    """`created`, `updated`, `unchanged`, or `replaced`."""
    secret: str = ""
    """Only of one that was just made: Stripe never shows it again."""
    others: tuple[str, ...] = ()
    """Endpoints of ours beside it: to be deleted by hand."""


async def sync_endpoint(
    url: str, *, events: Sequence[str], name: str, move: bool = False
) -> Endpoint:
    """Have an endpoint at an address, enabled, for exactly these types, in the SDK's API version.

    Ours is the one that is there already, or else the one that has our name wherever it leads to.
    The version of an endpoint never changes. Where ours has another, a new one is made, and the
    old one stays until somebody has put the new one's secret beside its own.

    Raises:
        EndpointElsewhere: nobody said that it is to move.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    listed = [found async for found in all_of(_ENDPOINTS, {})]
    there = [one for one in listed if one["url"] == url]
    ours = there + [
        one for one in listed if one not in there and one["metadata"].get(_MARK) == name
    ]
    if ours and not there and not move:
        raise EndpointElsewhere(ours[0]["url"])
    current = next((one for one in ours if one["api_version"] == stripe.api_version), None)
    others = tuple(one["id"] for one in ours if one is not current)
    wanted: dict[str, Any] = {"url": url, "enabled_events": list(events), "metadata": {_MARK: name}}
    if current is None:
        made = await request("post", _ENDPOINTS, {**wanted, "api_version": stripe.api_version})
        return Endpoint(made["id"], "replaced" if others else "created", made["secret"], others)
    if _is_as(current, wanted):
        return Endpoint(current["id"], "unchanged", others=others)
    await request("post", f"{_ENDPOINTS}/{current['id']}", {**wanted, "disabled": False})
    return Endpoint(current["id"], "updated", others=others)


def _is_as(endpoint: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return (
        endpoint["status"] == "enabled"
        and endpoint["url"] == wanted["url"]
        and set(endpoint["enabled_events"]) == set(wanted["enabled_events"])
        and wanted["metadata"].items() <= endpoint["metadata"].items()
    )
