"""How Stripe behaves for a while: faults of the emulator, by name."""

import contextlib
import random
from collections.abc import Callable
from typing import Any, Final

import requests

from devstack.clients import TIMEOUT
from devstack.services import DEMO_API_KEY
from devstack.waiting import wait_until

Faults = list[dict[str, Any]]

_CALLS: Final = r"^(POST|GET) /v1/"
_POSTS: Final = r"^POST /v1/payment_intents"

OF_LARGE_RUNS: Final = frozenset({"hanging for a minute"})
"""Weathers that take too long for a short run to come to rest."""

WEATHERS: Final[dict[str, Faults]] = {
    "fair": [],
    "rate limited": [
        {"match": _CALLS, "action": "status", "status": 429, "probability": 0.3},
        {"match": _CALLS, "action": "lock_timeout", "probability": 0.1},
    ],
    "errors before the work": [
        {"match": _CALLS, "action": "status", "status": 500, "probability": 0.3},
        {"match": _CALLS, "action": "drop_before", "probability": 0.1},
    ],
    # A key remembers the error for good, so here the answer to a repetition is no help.
    "errors after the work": [
        {"match": _POSTS, "action": "status_after", "status": 500, "probability": 0.3},
    ],
    "errors after the work, once": [
        {
            "match": _CALLS,
            "action": "status_after",
            "status": 503,
            "probability": 0.3,
            "stored": False,
        },
    ],
    "conflicts and half answers": [
        {"match": _POSTS, "action": "status", "status": 409, "probability": 0.2},
        {"match": _CALLS, "action": "garble_after", "probability": 0.2},
    ],
    "lost answers": [{"match": _CALLS, "action": "drop_after", "probability": 0.4}],
    "slow": [
        {"match": _CALLS, "action": "latency", "seconds": 0.5, "distribution": "exponential"},
    ],
    "hanging": [
        # Longer than the payment service waits, which gives a call up after 20 s; one for sure.
        {"match": _POSTS, "action": "latency", "seconds": 25, "skip": 3, "times": 1},
        {"match": _POSTS, "action": "latency", "seconds": 25, "probability": 0.05},
        {"match": _CALLS, "action": "latency", "seconds": 0.2, "distribution": "lognormal"},
    ],
    "hanging for a minute": [
        {"match": _POSTS, "action": "latency", "seconds": 60, "probability": 0.1},
    ],
}
_WEBHOOKS: Final[Faults] = [
    {"match": "^WEBHOOK ", "action": action, "probability": probability, "seconds": seconds}
    for action, probability, seconds in (
        ("duplicate", 0.15, 0),
        ("reorder", 0.15, 0),
        ("delay", 0.15, 4),
        ("drop", 0.1, 0),
        ("wrong_signature", 0.1, 0),
    )
]
"""Webhooks are disordered in every weather. Dropped ones never come."""


class Weather:
    """The faults in force. The emulator forgets them when it is killed, so they are told again."""

    def __init__(self, stripe_url: str, *, seed: int) -> None:
        self._url = f"{stripe_url}/_emulator"
        self._seed = seed
        self._faults = _faults("fair", seed=seed, at=0)

    def change(self, name: str, *, at: int) -> None:
        """Let another weather begin, after so many payments.

        Raises:
            OSError: the emulator does not answer; it has the old weather, or none.
        """
        self._faults = _faults(name, seed=self._seed, at=at)
        self.tell()

    def tell(self) -> None:
        """Put the weather in force, the same however often it is told. See `change`."""
        self._post("faults", self._faults)
        self._post("webhooks", {"first_backoff": 0.5, "longest_backoff": 4})

    def tell_when_back(self) -> None:
        """Put the weather in force again once the emulator, which was killed, answers.

        Raises:
            DeadlinePassedError: it does not come back.
        """
        _when_back(self.tell)

    def clear(self) -> None:
        """End everything that goes wrong at Stripe. See `change`."""
        self._post("faults", [])
        self._post("webhooks", {"first_backoff": 0.2, "longest_backoff": 1})

    def clear_when_back(self) -> None:
        """End it once the emulator, which may have been killed, answers.

        Raises:
            DeadlinePassedError: it does not come back.
        """
        _when_back(self.clear)

    def resend(self, count: int) -> None:
        """Have webhooks of the past delivered once more, or late if they never came. See `change`.

        They are those of the last hundred that come longest ago.
        """
        url = f"{self._url.removesuffix('/_emulator')}/v1/events"
        headers = {"Authorization": f"Bearer {DEMO_API_KEY}"}

        def listed() -> list[dict[str, Any]]:
            # The weather is ours too: the list may be refused, or half of it come.
            answer = requests.get(url, params={"limit": 100}, headers=headers, timeout=TIMEOUT)
            with contextlib.suppress(ValueError):
                return list(answer.json().get("data", []))
            return []

        for event in wait_until(listed, what="Stripe's events", seconds=10)[-count:]:
            self._post(f"events/{event['id']}/resend", {})

    def webhooks_pending(self) -> int:
        """Return how many webhooks are still to be delivered. See `change`."""
        answer = requests.get(f"{self._url}/webhooks", timeout=TIMEOUT)
        return int(answer.json()["pending"])

    def _post(self, what: str, given: Any) -> None:
        requests.post(f"{self._url}/{what}", json=given, timeout=TIMEOUT).raise_for_status()


def _when_back(tell: Callable[[], None]) -> None:
    def told() -> bool:
        try:
            tell()
        except requests.RequestException:
            return False
        return True

    wait_until(told, what="the emulator", every=0.1)


def _faults(name: str, *, seed: int, at: int) -> Faults:
    dice = random.Random(f"{seed}:{at}:{name}")  # noqa: S311 - repeatable
    return [{**fault, "seed": dice.randrange(1_000_000)} for fault in WEATHERS[name] + _WEBHOOKS]
