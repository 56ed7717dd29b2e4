"""librdkafka waits by the time of day: a process whose clock is put back ends, for a new one.

What had begun to wait when the clock was put back by an hour waits an hour longer, whatever its
timeout: https://github.com/confluentinc/librdkafka/issues/2145.
"""

import functools
import os
import threading
import time
from typing import Final

import structlog

logger = structlog.get_logger(__name__)

PUT_BACK: Final = 10.0
"""Seconds that a clock must have been put back; what is less is waited for."""

_LOOKS_EVERY: Final = 1.0


@functools.cache
def end_when_put_back() -> None:
    """Watch this process's clock from now on, and end the process if it is put back.

    At once, as if it were killed: a client that sleeps cannot be closed.
    """
    threading.Thread(target=_watch, args=[_ahead()], name="clock", daemon=True).start()


def _watch(before: float) -> None:
    while True:
        time.sleep(_LOOKS_EVERY)
        now = _ahead()
        if now < before - PUT_BACK:
            logger.critical("clock_put_back", seconds=round(before - now))
            os._exit(os.EX_SOFTWARE)
        before = now


def _ahead() -> float:
    """Return how far the time of day is ahead of the clock that is never put back."""
    return time.time() - time.monotonic()
