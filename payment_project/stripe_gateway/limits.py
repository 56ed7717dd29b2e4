"""The gate that every call to Stripe passes: not too many a second, and none into an outage."""

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from kafka_bridge.errors import TryLater
from kafka_bridge.handlers import limits_claims
from payment_project.stripe_gateway.circuit_breaker import CircuitBreaker
from payment_project.stripe_gateway.limit_state import ALL
from payment_project.stripe_gateway.rate_limiter import RateLimiter, Rates
from payment_project.stripe_gateway.shared_state import SharedState, read_state

logger = structlog.get_logger(__name__)

Answer = tuple[bytes, int, Mapping[str, str]]
"""A body, an HTTP status and headers, as the SDK's HTTP clients return them."""

_ATTEMPTS: Final = 3
"""How often one call is made while Stripe answers 429."""
_LOG_EVERY: Final = 60.0

_KEY_REFUSED: Final = 401
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_ID: Final = re.compile(r"/[a-z]+(?:_test|_live)?_(?=[a-zA-Z]*[A-Z0-9])[a-zA-Z0-9]{8,}(?=/|$)")


class Gate:
    """The rate limiter and the circuit breaker around a call. Belongs to one event loop."""

    def __init__(self, shared: SharedState, rates: Rates) -> None:
        self._shared = shared
        self._limiter = RateLimiter(shared, rates)
        self._breaker = CircuitBreaker(shared)
        self.counts = CallCounts()

    async def call(self, endpoint: str, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make a call when its turn comes; make it again if Stripe says that it came too early.

        Raises:
            TryLater: it was not made: the circuit is open, or too many others are before it.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            probe = await self._wait_for_turn(endpoint)
            answer = await self._watched(make, probe=probe)
            if not _is_rate_limited(answer):
                break
            await self._slow_down(endpoint, answer)
            if attempt == _ATTEMPTS:
                break
        return answer

    def room(self) -> int:
        """Return for how many more calls lanes should be claimed: what can be made soon."""
        circuit = self._shared.last.circuit
        if circuit.is_open:
            return int(circuit.wants_probe(self._shared.now()))
        room = self._limiter.room()
        return sys.maxsize if room is None else room

    async def close(self) -> None:
        """Close the connection to Valkey."""
        await self._shared.close()

    async def _wait_for_turn(self, endpoint: str) -> bool:
        began = time.monotonic()
        try:
            await self._breaker.check()
            await self._limiter.take(endpoint)
            probe = await self._breaker.begin()
        except TryLater:
            self.counts.refused += 1
            if seconds := self._breaker.opens_for:
                self._limiter.refuse_waiting(self._breaker.circuit.reason, seconds=seconds)
            raise
        self.counts.waited += time.monotonic() - began
        return probe

    async def _watched(self, make: Callable[[], Awaitable[Answer]], *, probe: bool) -> Answer:
        self.counts.calls += 1
        try:
            answer = await make()
        except BaseException:
            self.counts.failed += 1
            await self._breaker.failed(probe=probe)
            raise
        _, status, headers = answer
        if status == _KEY_REFUSED:
            await self._breaker.key_refused(probe=probe)
        elif status >= _SERVER_ERROR and headers.get("Idempotent-Replayed") != "true":
            self.counts.failed += 1
            await self._breaker.failed(probe=probe)
        else:
            await self._breaker.succeeded(probe=probe)
        self.counts.log_sometimes()
        return answer

    async def _slow_down(self, endpoint: str, answer: Answer) -> None:
        self.counts.rate_limited += 1
        headers = answer[2]
        buckets = _limited_buckets(headers.get("Stripe-Rate-Limited-Reason", ""), endpoint)
        retry_after = _seconds(headers.get("Retry-After", ""))
        share = await self._shared.update(
            lambda state, now: state.slow_down(now, buckets=buckets, retry_after=retry_after)
        )
        logger.warning(
            "stripe_rate_limited", endpoint=endpoint, retry_after=retry_after, share=share
        )


@dataclass(slots=True)
class CallCounts:
    """What became of this process's calls since it started."""

    calls: int = 0
    failed: int = 0
    rate_limited: int = 0
    refused: int = 0
    waited: float = 0.0
    """Seconds that calls waited for their turn, all together."""
    _logged_at: float = 0.0

    def log_sometimes(self) -> None:
        """Log the counts if that was not done for a minute."""
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY:
            self._logged_at = now
            logger.info(
                "stripe_calls",
                calls=self.calls,
                failed=self.failed,
                rate_limited=self.rate_limited,
                refused=self.refused,
                waited=round(self.waited, 3),
            )


_gates: Final[dict[asyncio.AbstractEventLoop, Gate]] = {}


def gate_of(loop: asyncio.AbstractEventLoop) -> Gate:
    """Return the gate of an event loop. Call it on that loop."""
    if loop not in _gates:
        rates = Rates(settings.STRIPE_RATE_LIMIT, settings.STRIPE_ENDPOINT_RATE_LIMIT)
        _gates[loop] = Gate(SharedState(settings.STRIPE_LIMITS_URL), rates)
    return _gates[loop]


def forget_gate(loop: asyncio.AbstractEventLoop) -> Gate | None:
    """Return the gate of a loop that makes no more calls, for whoever closes it."""
    return _gates.pop(loop, None)


@limits_claims
def room() -> int:
    """Return for how many more events lanes should be claimed. Call it on the loop of the calls."""
    return gate_of(asyncio.get_running_loop()).room()


@dataclass(frozen=True, slots=True)
class Status:
    """How calls to Stripe fare, as all processes share it."""

    circuit: str
    """`closed`, `open`, or `probing` once a call may find out whether Stripe answers again."""
    reason: str = ""
    """Why the circuit is open."""
    seconds: float = 0.0
    """How long it stays open."""
    share: float = 1.0
    """The share of the configured rate that is used since Stripe last answered 429."""
    calls_last_second: int = 0
    """Calls counted by the limiter; none are where there is no limit."""
    shared: bool = True
    """Whether Valkey could be asked. If not, processes go on, each with limits of its own."""


def status() -> Status:
    """Return how calls to Stripe fare. For health endpoints; not for an event loop."""
    read = read_state(settings.STRIPE_LIMITS_URL) if settings.STRIPE_LIMITS_URL else None
    if read is None:
        return Status(circuit="unknown", shared=False)
    state, now = read
    circuit = state.circuit
    seconds = max(0.0, circuit.open_until - now)
    return Status(
        circuit=("open" if seconds else "probing") if circuit.is_open else "closed",
        reason=circuit.reason,
        seconds=round(seconds, 1),
        share=min([1.0, *(state.share(bucket, now) for bucket in state.slowdowns)]),
        calls_last_second=sum(began > now - 1 for began in state.grants.get(ALL, ())),
    )


def endpoint_of(method: str, url: str) -> str:
    """Return the endpoint that Stripe counts a request for: its method and path without ids."""
    return f"{method.upper()} {_ID.sub('/{id}', urlsplit(url).path)}"


def _is_rate_limited(answer: Answer) -> bool:
    # Calls that meet at one object get a 429 of their own kind, which slower calls would not help.
    body, status_code, _ = answer
    return status_code == _TOO_MANY and b"lock_timeout" not in body


def _limited_buckets(reason: str, endpoint: str) -> list[str]:
    """Return which limit was met; Stripe may say, and if it does not, it could be either."""
    if reason.startswith("global"):
        return [ALL]
    if reason.startswith("endpoint"):
        return [endpoint]
    return [ALL, endpoint]


def _seconds(header: str) -> float:
    try:
        return max(0.0, float(header))
    except ValueError:
        return 0.0
