"""A client that subscribes and changes its mind, and repeats what broke."""

import time
from collections.abc import Callable
from typing import Any, Final

from devstack.chaos.journal import Answer, Subscribed, answered
from devstack.chaos.wishes import MONTHLY, YEARLY, Change
from devstack.clients import CustomerApi

_SEEN, _ACCEPTED = 200, 202
_CHANGES: Final[dict[Change, tuple[str, dict[str, Any]]]] = {
    Change.PLAN: ("plan", {"plan": YEARLY}),
    Change.CANCEL: ("cancel", {}),
    Change.CANCEL_LATER: ("cancel", {"at_period_end": True}),
}

Until = Callable[..., Any]
"""Asks again until there is an answer, for as long as a client waits."""


class Subscriber:
    """One wish's client."""

    def __init__(self, entry: Subscribed, *, api: CustomerApi, until: Until) -> None:
        self._entry = entry
        self._api = api
        self._until = until

    def run(self) -> None:
        """Subscribe, wait until it is answered, and change it, each under one key."""
        entry, wish = self._entry, self._entry.wish
        body = {"plan": MONTHLY, "payment_method": wish.card}
        self._ask("subscriptions/", body, key=entry.key)
        if entry.problems:
            return
        entry.subscription_id = entry.answers[entry.key][0].body["id"]
        entry.accepted_at = time.time()
        begun = self._until(entry, self._is_answered, what="an answered subscription")
        if begun:
            entry.answered_at = time.time()
        if begun and wish.change and not wish.is_declined:
            action, body = _CHANGES[wish.change]
            path = f"subscriptions/{entry.subscription_id}/{action}/"
            self._ask(path, body, key=f"{entry.key}-{action}")

    def _ask(self, path: str, body: dict[str, Any], *, key: str) -> None:
        answers = self._entry.answers.setdefault(key, [])
        for _ in range(2 if self._entry.wish.clicks_twice else 1):
            answer: Answer | None = self._until(
                self._entry,
                lambda: answered(lambda: self._api.post(path, body, key=key)),
                what=f"an answer to {path}",
            )
            if answer:
                answers.append(answer)
        if not answers or {answer.status for answer in answers} != {_ACCEPTED}:
            self._entry.problems.append(f"{path} answered {answers}")

    def _is_answered(self) -> bool:
        shown = answered(lambda: self._api.look_at_subscription(self._entry.subscription_id))
        wanted = "incomplete" if self._entry.wish.is_declined else "active"
        return bool(shown and shown.status == _SEEN and shown.body["status"] == wanted)
