"""The pace of a run: payments at a steady rate, and what goes wrong among them."""

import threading
import time
from typing import Final

_AHEAD: Final = 4.0
"""Seconds for which payments go on at the full rate while a step is due and not yet done."""
_TRICKLE: Final = 0.4
"""The share of the rate beyond that: a step may wait for a payment to come by."""


class Gate:
    """Where payments begin one by one, so that steps and payments keep together."""

    def __init__(self, *, rate: float, ahead: float = _AHEAD) -> None:
        self._rate = rate
        self._ahead = ahead
        self._last = time.monotonic()
        self._changed = threading.Condition()
        self._begun = 0
        self._limit = float("inf")

    def begin(self) -> None:
        """Wait until the next payment may begin, then count it."""
        with self._changed:
            while (early := self._due() - time.monotonic()) > 0:
                self._changed.wait(early)
            self._last = max(self._due(), time.monotonic() - 1)  # make up for a second at most
            self._begun += 1
            self._changed.notify_all()

    def seconds_for(self, payments: int) -> float:
        """Return how long it takes at the full rate until so many payments have begun."""
        with self._changed:
            return max(0, payments - self._begun) / self._rate

    def _due(self) -> float:
        rate = self._rate if self._begun < self._limit else self._rate * _TRICKLE
        return self._last + 1 / rate

    def wait_for(self, payments: int) -> None:
        """Wait until so many payments have begun, and let them get only slowly ahead."""
        with self._changed:
            self._limit = payments + self._ahead * self._rate
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._begun >= payments)

    def open(self) -> None:
        """Hold payments back no more: nothing else will go wrong."""
        with self._changed:
            self._limit = float("inf")
            self._changed.notify_all()
