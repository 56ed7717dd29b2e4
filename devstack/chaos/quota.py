"""What Stripe was asked, as the emulator noted it: how many requests came how close together."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

QUOTA: Final = 25
"""Requests a second that the payment service is told to keep to: a sandbox's at Stripe."""
BURST: Final = 5
"""How many may come closer together than that: a fifth of a second's, which begin at once."""
WINDOWS: Final = (1, 5)
"""Seconds over which requests are counted: the burst does not grow with them."""
_PAYMENT_SERVICE: Final = "PythonBindings"  # a part of the name that Stripe's library gives itself


class Crowd(NamedTuple):
    """How many requests came within a window, and when the last of them did."""

    requests: int
    at: float


def read_requests(journal: Path) -> list[float]:
    """Return when each request of the payment service came in; the last line may be half of one."""
    lines = journal.read_text().split("\n")[:-1] if journal.exists() else []
    requests = map(json.loads, lines)
    return sorted(one["at"] for one in requests if _PAYMENT_SERVICE in one["agent"])


def crowds(requests: Sequence[float], *, seconds: int) -> list[Crowd]:
    """Return, for each request, how many came within the seconds that it ended."""
    found = []
    first = 0
    for last, at in enumerate(requests):
        while requests[first] <= at - seconds:
            first += 1
        found.append(Crowd(last - first + 1, at))
    return found
