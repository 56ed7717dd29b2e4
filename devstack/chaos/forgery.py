"""Webhooks that Stripe did not send."""

import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from devstack.chaos.journal import Journal
from devstack.clients import TIMEOUT
from devstack.running import RunningStack
from devstack.stripe_emulator.webhooks import sign
from devstack.waiting import wait_until

_ANSWERED_WITHIN: Final = 60
_STALE: Final = 301 + 60
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, kw_only=True)
class Forgery:
    """A forged webhook and the HTTP status it was answered with."""

    webhook_event_id: str
    how: str
    status: int


class Forger:
    """Tells the customer service that payments have succeeded, without being Stripe."""

    def __init__(self, stack: RunningStack, journal: Journal) -> None:
        self._url = f"{stack.urls['customer']}/webhooks/stripe/"
        self.secret = json.loads((Path(stack.folder) / "webhook-endpoint.json").read_text())[
            "secret"
        ]
        self._journal = journal
        self._numbers = itertools.count(1)
        self.forgeries: list[Forgery] = []

    def deliver(self, *, how: str) -> None:
        """Deliver one, again until it is answered.

        Raises:
            DeadlinePassedError: it never is.
        """
        name = f"evt_chaos_{next(self._numbers)}"
        body = self._body(name)
        headers = {} if how == "unsigned" else {"Stripe-Signature": self._signature(body, how)}
        status = wait_until(
            lambda: self._post(body, headers),
            what="an answer to a webhook",
            seconds=_ANSWERED_WITHIN,
        )
        self.forgeries.append(Forgery(webhook_event_id=name, how=how, status=status))

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """Return the answer's status, or 0 while the service is down."""
        try:
            answer = requests.post(self._url, data=body, headers=headers, timeout=TIMEOUT)
        except requests.RequestException:
            return 0
        return 0 if answer.status_code >= _SERVER_ERROR else answer.status_code

    def _signature(self, body: bytes, how: str) -> str:
        now = int(time.time())
        if how == "wrong_secret":
            return sign(body, f"{self.secret}x", timestamp=now)
        if how == "stale":
            return sign(body, self.secret, timestamp=now - _STALE)
        return sign(body + b" ", self.secret, timestamp=now)  # of another body

    def _body(self, name: str) -> bytes:
        payment = self._journal.any_accepted()
        about = {
            "id": f"pi_{name}",
            "object": "payment_intent",
            "status": "succeeded",
            "metadata": {"payment_id": payment},
        }
        event = {
            "id": name,
            "object": "event",
            "type": "payment_intent.succeeded",
            "api_version": "2026-10-28.endive",
            "data": {"object": about},
        }
        return json.dumps(event).encode()
