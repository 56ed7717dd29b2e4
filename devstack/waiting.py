"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class DeadlinePassedError(RuntimeError):
    """What was waited for did not happen in time."""


def wait_until(
    condition: Callable[[], T], *, what: str, seconds: float = 30, every: float = 0.02
) -> T:
    """Return the condition's first true value.

    Raises:
        DeadlinePassedError: it stayed false for this many seconds.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise DeadlinePassedError(f"After {seconds:g} s still waiting for {what}.")
        time.sleep(every)
    return value
