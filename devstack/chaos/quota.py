"""What Stripe was asked, as the emulator noted it: how many requests came how close together.

And under which keys payments were asked for.
"""

import json
import math
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

REQUESTS: Final = "stripe-requests.jsonl"
"""The emulator's journal, in a run's folder."""
_SANDBOX: Final = 25
"""Requests a second that Stripe takes in a sandbox: https://docs.stripe.com/rate-limits"""
_A_PAYMENT: Final = 5
"""Requests at Stripe for each payment of the load, with all that clients do later."""
WINDOWS: Final = (1, 5)
"""Seconds over which requests are counted: the burst does not grow with them."""
_CREATES_A_PAYMENT: Final = "POST /v1/payment_intents"
_PAYMENT_SERVICE: Final = "PythonBindings"  # a part of the name that Stripe's library gives itself


_STANDS_STILL: Final = 0.25
"""Seconds for which a process may be kept from the processor between its turn and its request."""
_CATCHES_UP: Final = 0.1
"""Seconds within which the emulator has noted what came while it was held up."""


class Quota(NamedTuple):
    """What the payment service is told to keep to at Stripe."""

    requests: int
    """In a second."""

    @classmethod
    def of(cls, rate: float) -> Self:
        """Return a sandbox's, or what so many payments a second need."""
        return cls(max(_SANDBOX, round(_A_PAYMENT * rate)))

    @property
    def burst(self) -> int:
        """How many may come closer together: what began while a processor was not to be had."""
        return math.ceil(self.requests * _STANDS_STILL)


class Arrivals(NamedTuple):
    """When the payment service's requests came in, as far as the emulator could tell."""

    at: list[float]
    held_up: list[tuple[float, float]]
    """From when to when it could note nothing, for want of a processor or a disk."""
    creating_keys: frozenset[str] = frozenset()
    """The idempotency keys of whatever asked for a PaymentIntent; empty where there was none."""


class Crowd(NamedTuple):
    """How many requests came within a window, and when the last of them did."""

    requests: int
    at: float


def read_arrivals(journal: Path) -> Arrivals:
    """Read the emulator's journal; the last line may be half of one."""
    lines = journal.read_text().split("\n")[:-1] if journal.exists() else []
    noted = list(map(json.loads, lines))
    return Arrivals(
        at=sorted(one["at"] for one in noted if _PAYMENT_SERVICE in one.get("agent", "")),
        held_up=[(one["late_since"], one["at"]) for one in noted if "late_since" in one],
        creating_keys=frozenset(
            one["key"] or "" for one in noted if one.get("line") == _CREATES_A_PAYMENT
        ),
    )


def crowds(arrivals: Arrivals, *, seconds: int) -> Iterator[Crowd]:
    """Yield, for each request, how many came within the seconds that it ended.

    Not where those seconds begin while the emulator was held up: what had come before them would
    count as theirs.
    """
    first = 0
    late = deque(sorted(arrivals.held_up))
    for last, at in enumerate(arrivals.at):
        while arrivals.at[first] <= at - seconds:
            first += 1
        while late and late[0][1] + _CATCHES_UP < at - seconds:
            late.popleft()
        if not late or at - seconds < late[0][0]:
            yield Crowd(last - first + 1, at)
