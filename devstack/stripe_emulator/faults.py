"""Everything that Stripe and the network can do wrong, on demand.

`POST /_emulator/faults` takes a list; each entry hits the requests whose "METHOD /path" its `match`
(a regular expression) finds, `times` times or with a `probability`, from its own seeded dice;
the first `skip` of them pass.
Webhook deliveries are matched as "WEBHOOK <event type>".
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field, fields
from typing import Any

from devstack.stripe_emulator.errors import StripeError, refused

REQUEST_ACTIONS = {
    "latency",
    "status",
    "status_after",
    "drop_before",
    "drop_after",
    "garble_after",
    "lock_timeout",
    "processing",
    "redirect",
}
WEBHOOK_ACTIONS = {"duplicate", "reorder", "delay", "drop", "wrong_signature", "older_api_version"}
_DISTRIBUTIONS = {"fixed", "uniform", "exponential", "lognormal"}


@dataclass
class Fault:
    """One entry of the list. Unset `times` means always."""

    match: str
    action: str
    times: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    seconds: float = 0.0
    distribution: str = "fixed"
    spread: float = 0.5
    status: int = 500
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    stored: bool | None = None
    outcome: str = "succeeded"
    api_version: str = "2020-08-27"

    def __post_init__(self) -> None:
        if self.action not in REQUEST_ACTIONS | WEBHOOK_ACTIONS:
            raise refused(f"Unknown fault action: {self.action}", param="action")
        if self.distribution not in _DISTRIBUTIONS:
            raise refused(f"Unknown distribution: {self.distribution}", param="distribution")
        try:
            self.pattern = re.compile(self.match)
        except re.error as error:
            raise refused(f"Invalid pattern {self.match!r}: {error}", param="match") from error
        self.dice = random.Random(f"{self.seed}:{self.match}:{self.action}")  # noqa: S311 - repeatable
        self.hits = self.skipped = 0

    def strikes(self, line: str) -> bool:
        """Return whether it hits this request, and count it if so."""
        if self.times is not None and self.hits >= self.times:
            return False
        if not self.pattern.search(line):
            return False
        if self.skipped < self.skip:
            self.skipped += 1
            return False
        if self.probability < 1 and self.dice.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def delay(self) -> float:
        """Return how long to wait, in seconds; `seconds` is the mean or the median."""
        if self.distribution == "uniform":
            return self.dice.uniform(0, 2 * self.seconds)
        if self.distribution == "exponential":
            return self.dice.expovariate(1 / self.seconds) if self.seconds else 0.0
        if self.distribution == "lognormal":
            return self.seconds * self.dice.lognormvariate(0, self.spread)
        return self.seconds

    def error(self) -> StripeError:
        """Return the error it answers in Stripe's place."""
        if self.action == "lock_timeout":
            return refused(
                "This object cannot be accessed right now because another API request or Stripe"
                " process is currently accessing it. If you see this error intermittently, retry"
                " the request. If you see this error frequently and are making multiple concurrent"
                " requests to a single object, make your requests serially or at a lower rate.",
                status=429,
                code="lock_timeout",
            )
        error = rate_limited() if self.status == 429 else _server_error(self.status)  # noqa: PLR2004 - HTTP
        if self.body:
            error.error = self.body.get("error", self.body)
        return error


def rate_limited() -> StripeError:
    """Make the error of Stripe's rate limiter."""
    return refused(
        "Request rate limit exceeded. You can learn more about rate limits here"
        " https://stripe.com/docs/rate-limits.",
        status=429,
        code="rate_limit",
    )


def _server_error(status: int) -> StripeError:
    if status >= 500:  # noqa: PLR2004 - HTTP
        return refused(
            "An unknown error occurred. The emulator was asked to fail here.",
            status=status,
            type="api_error",
        )
    return refused("The emulator was asked to refuse this request.", status=status)


class Faults:
    """The list in force."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def replace(self, entries: Any) -> int:
        """Put this list in force. Raise `StripeError` for an entry that means nothing."""
        if not isinstance(entries, list) or not all(isinstance(item, dict) for item in entries):
            raise refused("Faults are a list of objects.")
        known = {item.name for item in fields(Fault)}
        for entry in entries:
            unknown = sorted(entry.keys() - known)
            if unknown:
                raise refused(f"Unknown fault field: {unknown[0]}", param=unknown[0])
            if missing := {"match", "action"} - entry.keys():
                raise refused(f"Missing fault field: {min(missing)}", param=min(missing))
        self._faults = [Fault(**entry) for entry in entries]
        return len(self._faults)

    def strike(self, line: str) -> list[Fault]:
        """Return what hits this request: latencies, then at most one fault that ends it."""
        struck: list[Fault] = []
        for fault in self._faults:
            if fault.strikes(line):
                struck.append(fault)
                if fault.action != "latency":
                    break
        return struck

    def describe(self) -> list[dict[str, Any]]:
        """Return the list with how often each entry has hit."""
        return [
            {"match": fault.match, "action": fault.action, "times": fault.times, "hits": fault.hits}
            for fault in self._faults
        ]
