"""What all processes that call Stripe must agree on: the rate, the slow-downs and the circuit.

Pure rules on a small document, and no clock of their own: `shared_state` keeps the document.
"""

import bisect
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Self

import orjson

ALL: Final = "all"
"""The bucket of every call; the others are named for an endpoint."""

WINDOW: Final = 1.03
"""Seconds in which no more calls than the limit begin: a second, and some for calls that travel
faster than those before them."""

RECOVERY: Final = 0.1
"""Share of the limit that comes back each second after a slow-down."""
_LEAST_SHARE: Final = 0.02
_HOLD: Final = 0.1
"""Seconds for which a first 429 holds all calls: it may be that some travelled faster."""
_PERSISTS: Final = 3.0
"""Seconds within which another one means that the rate is too high."""
_SLOWED: Final = 15.0
"""Seconds after a 429 for which limits are assumed where none are configured."""
_LONGEST_HOLD: Final = 60.0

_HALF_LIFE: Final = 10.0
"""Seconds after which a success or a failure counts for half."""
_MIN_FAILURES: Final = 4.5
"""Just under five, as each fades from the moment it is counted."""
_FIRST_OPENING: Final = 5.0
_LONGEST_OPENING: Final = 60.0
_DOUBLINGS: Final = 10
_PROBE_LEASE: Final = 30.0


@dataclass(slots=True)
class Slowdown:
    """A bucket's share of its limit since a 429 of Stripe's. Nothing passes until `held_until`."""

    share: float = 1.0
    met_at: float = 0.0
    held_until: float = 0.0

    def share_at(self, now: float) -> float:
        """Return the share that has come back by now; none while it is held."""
        if now < self.held_until:
            return 0.0
        return min(1.0, self.share + RECOVERY * (now - max(self.met_at, self.held_until)))

    def is_over(self, now: float) -> bool:
        """Tell whether it can be forgotten."""
        return self.share_at(now) == 1.0 and now - self.held_until > _PERSISTS

    def meet(self, now: float, *, retry_after: float) -> None:
        """Take note of a 429. Those that several calls meet within a second count once."""
        if now - self.met_at >= WINDOW and now >= self.held_until:
            self.share = self.share_at(now)
            if retry_after or now - self.held_until < _PERSISTS:
                self.share = max(self.share / 2, _LEAST_SHARE)
            self.met_at = now
        hold = min(retry_after, _LONGEST_HOLD) or _HOLD
        self.held_until = max(self.held_until, now + hold)


@dataclass(slots=True)
class Circuit:
    """Closed while calls are answered; open while they are not, but for a probe now and then."""

    open_until: float = 0.0
    openings: int = 0
    reason: str = ""
    probe_until: float = 0.0
    successes: float = 0.0
    failures: float = 0.0
    counted_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls must not be made, or only a probe."""
        return self.openings > 0

    def report(self, now: float, *, successes: int, failures: int) -> bool:
        """Count how calls went. Returns whether that opened the circuit."""
        if self.is_open:
            return False
        fade = 0.5 ** (max(0.0, now - self.counted_at) / _HALF_LIFE)
        self.successes = self.successes * fade + successes
        self.failures = self.failures * fade + failures
        self.counted_at = now
        if self.failures < _MIN_FAILURES or self.failures < self.successes:
            return False
        self.open(now, reason="Stripe does not answer")
        return True

    def open(self, now: float, *, reason: str, at_least: float = 0.0) -> bool:
        """Open, each time for longer until a probe succeeds. Returns whether it was closed."""
        was_open = self.is_open
        doubled = _FIRST_OPENING * 2 ** min(self.openings, _DOUBLINGS)
        seconds = max(at_least, min(doubled, _LONGEST_OPENING))
        self.open_until, self.openings, self.reason = now + seconds, self.openings + 1, reason
        self.probe_until = self.successes = self.failures = 0.0
        return not was_open

    def wants_probe(self, now: float) -> bool:
        """Tell whether it is time for a call that finds out whether Stripe answers again."""
        return self.is_open and now >= self.open_until and now >= self.probe_until

    def begin_probe(self, now: float) -> bool:
        """Take the right to the one call that is made while the circuit is open, if it is time."""
        if not self.wants_probe(now):
            return False
        self.probe_until = now + _PROBE_LEASE
        return True

    def close(self) -> bool:
        """Let calls through again. Returns whether the circuit was open."""
        was_open = self.is_open
        self.open_until, self.openings, self.reason, self.probe_until = 0.0, 0, "", 0.0
        return was_open


@dataclass(slots=True)
class LimitState:
    """When calls began in the last second, by bucket; what is slowed down; and the circuit."""

    grants: dict[str, list[float]] = field(default_factory=dict)
    slowdowns: dict[str, Slowdown] = field(default_factory=dict)
    slowed_until: float = 0.0
    circuit: Circuit = field(default_factory=Circuit)

    @classmethod
    def decode(cls, document: bytes) -> Self:
        """Read what `encode` wrote."""
        if not document:
            return cls()
        read: dict[str, Any] = orjson.loads(document)
        return cls(
            grants=read["grants"],
            slowdowns={name: Slowdown(**value) for name, value in read["slowdowns"].items()},
            slowed_until=read["slowed_until"],
            circuit=Circuit(**read["circuit"]),
        )

    def encode(self) -> bytes:
        """Write the state as JSON."""
        return orjson.dumps(self)

    def take(self, now: float, *, wanted: int, limits: dict[str, int]) -> tuple[int, float]:
        """Let up to `wanted` calls begin, each counted in every bucket of `limits` (per second).

        Returns how many may begin now, and the seconds after which more may.
        """
        self._forget(now)
        slowdowns = [self.slowdowns[bucket] for bucket in limits if bucket in self.slowdowns]
        held = max((slow.held_until - now for slow in slowdowns), default=0.0)
        if held > 0:
            return 0, held
        rules = [
            (self.grants.setdefault(bucket, []), most, seconds)
            for bucket, limit in limits.items()
            for most, seconds in _rules(max(1, int(limit * self.share(bucket, now))))
        ]
        free = [most - _since(now - seconds, grants) for grants, most, seconds in rules]
        granted = max(0, min(wanted, *free))
        for bucket in limits:
            self.grants[bucket].extend([now] * granted)
        waits = [
            grants[-most] + seconds - now for grants, most, seconds in rules if len(grants) >= most
        ]
        return granted, max(0.0, *waits) if waits else 0.0

    def recall(self, other: Self) -> None:
        """Count the calls of another version of this state too; those in both count once."""
        for bucket, grants in other.grants.items():
            either = Counter(self.grants.get(bucket, ())) | Counter(grants)
            self.grants[bucket] = sorted(either.elements())

    def slow_down(self, now: float, *, buckets: list[str], retry_after: float) -> float:
        """Hold these buckets for as long as Stripe asked, or a moment, and halve their rate.

        Without a word of Stripe's the rate is halved from the second time on: a first one may come
        of calls that travelled faster than those before them. Returns the smallest share left.
        """
        self.slowed_until = now + _SLOWED
        for bucket in buckets:
            self.slowdowns.setdefault(bucket, Slowdown()).meet(now, retry_after=retry_after)
        return min(self.slowdowns[bucket].share for bucket in buckets)

    def share(self, bucket: str, now: float) -> float:
        """Return the share of its limit that the bucket has."""
        slow = self.slowdowns.get(bucket)
        return slow.share_at(now) if slow else 1.0

    def _forget(self, now: float) -> None:
        for bucket, grants in list(self.grants.items()):
            del grants[: bisect.bisect_right(grants, now - WINDOW)]
            if not grants or grants[-1] > now + WINDOW:  # by a clock that was put back
                del self.grants[bucket]
        for bucket in [name for name, slow in self.slowdowns.items() if slow.is_over(now)]:
            del self.slowdowns[bucket]


def _rules(limit: int) -> list[tuple[int, float]]:
    """Return what keeps calls within a limit a second: how many may begin in how many seconds.

    The second rule spreads them: over the second, and over the processes that wait.
    """
    return [(limit, WINDOW), (math.ceil(limit / 5), WINDOW / 10)]


def _since(moment: float, grants: list[float]) -> int:
    return len(grants) - bisect.bisect_right(grants, moment)
