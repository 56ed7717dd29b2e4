"""The one state that all processes share, in Valkey; without Valkey each goes on with its own."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import redis
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from payment_project.stripe_gateway.limit_state import LimitState

logger = structlog.get_logger(__name__)

T = TypeVar("T")

KEY: Final = "stripe_limits:1"
"""A Valkey hash; the number is of the document's format."""

_TIMEOUT: Final = 0.25
_AWAY: Final = 5.0
"""Seconds for which Valkey is left alone after it did not answer."""
_KEPT: Final = 600_000
"""Milliseconds for which Valkey keeps a state that nobody writes."""

_REPLACE: Final = """
local time = redis.call('TIME')
local version = redis.call('HGET', KEYS[1], 'version') or ''
if version == ARGV[1] then
    redis.call('HSET', KEYS[1], 'version', ARGV[2], 'document', ARGV[3])
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    return {1, time[1], time[2]}
end
return {0, time[1], time[2], version, redis.call('HGET', KEYS[1], 'document') or ''}
"""


class SharedState:
    """A `LimitState` that changes as if one process did it. Belongs to one event loop."""

    def __init__(self, url: str, *, key: str = KEY) -> None:
        """Share the state at `url`, a redis:// address; an empty one keeps it to this process."""
        self._key = key
        self._valkey: Redis | None = None
        if url:
            self._valkey = Redis.from_url(
                url,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
                retry=Retry(NoBackoff(), 1),  # on a new connection, should Valkey have restarted
            )
            self._replace = self._valkey.register_script(_REPLACE)
        self._changing = asyncio.Lock()
        self._version = b""
        self._ahead = time.time() - time.monotonic()
        self._away_until = 0.0
        self._available = True
        self._agreed = b""
        """The state as this process last acted on it."""
        self.last = LimitState()
        """The state as this process saw it last. Read it only."""

    def now(self) -> float:
        """Return the time by Valkey's clock, which all processes share."""
        return round(time.monotonic() + self._ahead, 4)

    async def update(self, change: Callable[[LimitState, float], T]) -> T:
        """Apply `change` to the state and the time now, and return what it returns.

        It is called again when another process was faster, so it must do nothing else.
        """
        async with self._changing:
            answer = change(self.last, self.now())
            if self._valkey is not None and time.monotonic() >= self._away_until:
                try:
                    while not await self._replaced():
                        answer = change(self.last, self.now())
                except (RedisError, OSError, TimeoutError) as error:
                    self._is_away(error)
            self._agreed = self.last.encode()
            return answer

    async def close(self) -> None:
        """Close the connection."""
        if self._valkey is not None:
            await self._valkey.aclose()

    async def _replaced(self) -> bool:
        """Put our state in Valkey's place. If another process did first, take its state over."""
        version = os.urandom(8).hex().encode()
        asked_at = time.monotonic()
        done, seconds, micros, *others = await self._replace(
            keys=[self._key], args=[self._version, version, self.last.encode(), _KEPT]
        )
        self._read_clock(int(seconds) + int(micros) / 1e6, asked_at=asked_at)
        if not self._available:
            self._available = True
            logger.info("stripe_limits_shared_again")
        if not done and self._version and not others[0]:
            # It has lost everything: what was allowed in the last second still counts.
            self._version = b""
            return await self._replaced()
        if done:
            self._version = version
        else:
            self._version, document = others
            self.last = LimitState.decode(document)
            # What was allowed while Valkey was away, or forgot it, is not in its state.
            self.last.recall(LimitState.decode(self._agreed))
        return bool(done)

    def _read_clock(self, now: float, *, asked_at: float) -> None:
        """Follow Valkey's clock, but not how long one answer took: what can be right is kept."""
        least, most = now - time.monotonic(), now - asked_at
        if not least <= self._ahead <= most:
            self._ahead = (least + most) / 2

    def _is_away(self, error: Exception) -> None:
        self._away_until = time.monotonic() + _AWAY
        if self._available:
            self._available = False
            logger.warning("stripe_limits_not_shared", error=repr(error))


def read_state(url: str, *, key: str = KEY) -> tuple[LimitState, float] | None:
    """Return the shared state and the time by its clock; None if Valkey is away. For sync code."""
    try:
        with redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, retry=None
        ) as valkey:
            pipeline: Any = valkey.pipeline(transaction=False)
            seconds_and_micros, document = pipeline.time().hget(key, "document").execute()
    except (RedisError, OSError):
        return None
    seconds, micros = seconds_and_micros
    return LimitState.decode(document or b""), seconds + micros / 1e6
