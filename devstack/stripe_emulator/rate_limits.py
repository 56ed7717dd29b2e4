"""Stripe's default limits of a sandbox: 25 requests a second, in all and for one endpoint.

https://docs.stripe.com/rate-limits
"""

from __future__ import annotations

import time
from collections import defaultdict, deque

from devstack.stripe_emulator.faults import rate_limited

SANDBOX_LIMIT = 25


class RateLimiter:
    """Counts the requests of the last second. Off unless limits are set."""

    def __init__(self) -> None:
        self.per_second: int | None = None
        self.per_endpoint: int | None = None
        self._recent: dict[str, deque[float]] = defaultdict(deque)

    def limit(self, *, per_second: int | None, per_endpoint: int | None) -> None:
        """Set the limits; None lifts one."""
        self.per_second, self.per_endpoint = per_second, per_endpoint
        self._recent.clear()

    def admit(self, line: str) -> None:
        """Count a request. Raise `StripeError` (429) when it is one too many."""
        now = time.monotonic()
        for name, limit in (("all", self.per_second), (_endpoint(line), self.per_endpoint)):
            if limit is None:
                continue
            recent = self._recent[name]
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if len(recent) >= limit:
                raise rate_limited()
            recent.append(now)


def _endpoint(line: str) -> str:
    """Return the line with what looks like an id taken out."""
    return "/".join(
        "{id}" if "_" in part and part[-8:].isalnum() and not part.islower() else part
        for part in line.split("/")
    )
