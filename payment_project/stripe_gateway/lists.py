"""Stripe's lists: all of one, and whether something of ours is in one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from kafka_bridge.handlers import current_delivery
from payment_project.stripe_gateway.client import request


class Page(NamedTuple):
    """A part of a list."""

    items: Sequence[dict[str, Any]]
    next_after: str | None
    """After what the next page begins; None if this is the last."""


_CLOCKS_DIFFER: Final = 300


async def find_made(
    path: str, metadata: Mapping[str, str], *, expand: Sequence[str] = ()
) -> dict[str, Any] | None:
    """Find what was made with this metadata since the event in hand came.

    Stripe's search lags behind, and finding nothing there would prove nothing. Its lists do not.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    since = int(current_delivery().received_at.timestamp()) - _CLOCKS_DIFFER
    params = {"created": {"gte": since}, **({"expand": list(expand)} if expand else {})}
    async for made in all_of(path, params):
        if metadata.items() <= made["metadata"].items():
            return made
    return None


async def all_of(path: str, params: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """List everything, the newest first, a hundred a call.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    after = None
    while True:
        page = await page_of(path, params, after=after)
        for item in page.items:
            yield item
        if page.next_after is None:
            return
        after = page.next_after


async def page_of(path: str, params: Mapping[str, Any], *, after: str | None = None) -> Page:
    """List up to a hundred, the newest first: those that are older than `after`.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    older = {"starting_after": after} if after else {}
    listed = await request("get", path, {**params, "limit": 100, **older})
    items = listed["data"]
    return Page(items, items[-1]["id"] if listed["has_more"] and items else None)
