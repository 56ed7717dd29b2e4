"""The rate limiter: calls above Stripe's rate wait for their turn, first come, first served."""

import asyncio
import functools
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from kafka_bridge.errors import TryLater
from payment_project.stripe_gateway.limit_state import ALL, LimitState
from payment_project.stripe_gateway.shared_state import SharedState

LONGEST_WAIT: Final = 20.0
"""Seconds a call waits for its turn; then its lane waits. With every attempt of the SDK's after it,
the worker's time for a call is not used up."""
_TRY_AGAIN: Final = 1.0

_AHEAD: Final = 2.0
"""Seconds of work that wait for their turn: more would only hold leases."""
_LEAST_AHEAD: Final = 10

STRIPES_RATE: Final = 100
STRIPES_ENDPOINT_RATE: Final = 25
"""https://docs.stripe.com/rate-limits"""


@dataclass(frozen=True, slots=True)
class Rates:
    """Calls a second, in all and for each endpoint; 0 is no limit."""

    in_all: int
    per_endpoint: int


class RateLimiter:
    """Lets calls begin at the rate that all processes share. Belongs to one event loop."""

    def __init__(self, shared: SharedState, rates: Rates) -> None:
        self._shared = shared
        self._rates = rates
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._begun: deque[float] = deque()
        self.waiting = 0
        """Calls that wait for their turn."""

    async def take(self, endpoint: str) -> None:
        """Wait until a call to the endpoint may begin.

        Raises:
            TryLater: its turn would come late.
        """
        if not self._limits(endpoint):
            return
        turn = asyncio.get_running_loop().create_future()
        if endpoint in self._queues:
            self._queues[endpoint].append(turn)
        else:
            self._queues[endpoint] = deque([turn])
            serving = asyncio.create_task(self._serve(endpoint))
            self._serving.add(serving)
            serving.add_done_callback(self._serving.discard)
        self.waiting += 1
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await turn
        except TimeoutError:
            raise TryLater("Stripe's rate is used up", seconds=_TRY_AGAIN) from None
        finally:
            self.waiting -= 1

    def refuse_waiting(self, reason: str, *, seconds: float) -> None:
        """Send away every call that waits for its turn."""
        for queue in self._queues.values():
            for turn in queue:
                if not turn.done():
                    turn.set_exception(TryLater(reason, seconds=seconds))

    def room(self) -> int | None:
        """Return how many more calls may be made to wait; None if none has to."""
        if not self._limits(ALL):
            return None
        while self._begun and self._begun[0] < time.monotonic() - _AHEAD:
            self._begun.popleft()
        return max(0, max(_LEAST_AHEAD, len(self._begun)) - self.waiting)

    def _limits(self, endpoint: str) -> dict[str, int]:
        rates = self._rates
        if self._shared.last.slowed_until > self._shared.now():
            # Stripe has a limit that we were not told: until it is content, take it for its usual.
            rates = Rates(rates.in_all or STRIPES_RATE, rates.per_endpoint or STRIPES_ENDPOINT_RATE)
        limits = {ALL: rates.in_all, endpoint: rates.per_endpoint}
        return {bucket: limit for bucket, limit in limits.items() if limit}

    async def _serve(self, endpoint: str) -> None:
        queue = self._queues[endpoint]
        try:
            while queue:
                granted, wait = len(queue), 0.0
                if limits := self._limits(endpoint):
                    wanted = sum(not turn.done() for turn in queue)
                    take = functools.partial(LimitState.take, wanted=wanted, limits=limits)
                    granted, wait = await self._shared.update(take)
                self._let_begin(queue, granted)
                if queue:
                    await asyncio.sleep(wait + 0.001)  # not a moment too early
        except Exception as error:
            for turn in queue:
                if not turn.done():
                    turn.set_exception(error)
            raise
        finally:
            del self._queues[endpoint]

    def _let_begin(self, queue: deque[asyncio.Future[None]], granted: int) -> None:
        while queue and (granted or queue[0].done()):
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                granted -= 1
                self._begun.append(time.monotonic())
