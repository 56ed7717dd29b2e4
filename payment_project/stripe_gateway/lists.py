"""Stripe's lists: all of one, and whether something of ours is in one."""

import asyncio
import time
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import structlog

from kafka_bridge.errors import TryLater
from kafka_bridge.handlers import current_delivery
from payment_project.stripe_gateway.client import request

logger = structlog.get_logger(__name__)


class Page(NamedTuple):
    """A part of a list."""

    items: Sequence[dict[str, Any]]
    next_after: str | None
    """After what the next page begins; None if this is the last."""


_CLOCKS_DIFFER: Final = 300
_FIRST_WINDOW: Final = 30
_AT_ONCE: Final = 45.0
"""Seconds after which a search goes on in the next attempt: a call is given up after 90."""
_SEARCHES_KEPT: Final = 1000


@dataclass(slots=True)
class _Search:
    """How far a search came: what is older than `begin` is not what it looks for."""

    begin: int
    end: int = 0
    after: str | None = None
    """Nor is what is newer than this, up to `end`."""


_searches: Final[dict[Hashable, _Search]] = {}


async def find_made(
    path: str, metadata: Mapping[str, str], *, expand: Sequence[str] = ()
) -> dict[str, Any] | None:
    """Find what was made with this metadata since the event in hand happened, or came.

    Stripe's search lags behind, and finding nothing there would prove nothing. Its lists do not.
    The oldest are looked at first, in windows that double: most was made soon after it was asked
    for. What takes longer than a call may goes on where it was, at the event's next attempt.

    Raises:
        TryLater: there is more to look at.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    moment = max(int(current_delivery().begun_at.timestamp()), _CLOCKS_DIFFER)
    search = _search_of((path, moment, *sorted(metadata.items())), begin=moment - _CLOCKS_DIFFER)
    params = {"expand": list(expand)} if expand else {}
    clock = asyncio.get_running_loop().time
    began, settled = clock(), int(time.time()) - _CLOCKS_DIFFER
    while search.begin < settled:  # nothing is made there any more, by whichever clock
        if search.after is None:
            window = max(2 * (search.begin - moment), _FIRST_WINDOW)
            search.end = min(moment + window, settled)
        created = {"gte": search.begin, "lt": search.end}
        page = await page_of(path, {**params, "created": created}, after=search.after)
        for made in page.items:
            if metadata.items() <= made["metadata"].items():
                return made
        search.after = page.next_after
        if search.after is None:
            search.begin = search.end
        if search.begin < settled and clock() - began > _AT_ONCE:
            until = datetime.fromtimestamp(search.begin, UTC).isoformat()
            logger.warning("search_goes_on", path=path, until=until, **metadata)
            raise TryLater(f"not among {path} until {until}, and still looking", seconds=1)
    async for made in all_of(path, {**params, "created": {"gte": search.begin}}):
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


def _search_of(key: Hashable, *, begin: int) -> _Search:
    search = _searches.pop(key, None) or _Search(begin)
    _searches[key] = search  # the last used are the last
    if len(_searches) > _SEARCHES_KEPT:
        del _searches[next(iter(_searches))]
    return search
