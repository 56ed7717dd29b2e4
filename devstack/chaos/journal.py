"""What the clients saw: every answer that was more than a broken connection."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import requests

from devstack.chaos.orders import Bank, Order
from devstack.chaos.wishes import Wish

_SERVER_ERROR: Final = 500


class Answer(NamedTuple):
    """An HTTP answer to a request to pay."""

    status: int
    body: Any


def answered(ask: Callable[[], requests.Response]) -> Answer | None:
    """Return the answer, or None where a client tries again: nothing came, or a server's error."""
    try:
        response = ask()
        if response.status_code >= _SERVER_ERROR:
            return None
        return Answer(response.status_code, response.json())
    except requests.RequestException:
        return None


class Sighting(NamedTuple):
    """A payment as the customer's API showed it once."""

    revision: int
    status: str


@dataclass(kw_only=True)
class Entry:
    """One order, and what its client was told."""

    order: Order
    key: str
    answers: list[Answer] = field(default_factory=list)
    """To requests with the order's own body."""
    to_another_body: list[Answer] = field(default_factory=list)
    payment_id: str = ""
    accepted_at: float = 0.0
    went_to_the_bank: Bank | None = None
    updates: dict[str, list[Answer]] = field(default_factory=dict)
    """Answers to what was asked of the payment later, by idempotency key."""
    sightings: list[Sighting] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def expected(self) -> str:
        """The status in which the payment must end."""
        return self.order.expected


@dataclass(kw_only=True)
class Subscribed:
    """A wish to subscribe, and what its client was told."""

    wish: Wish
    key: str
    subscription_id: str = ""
    accepted_at: float = 0.0
    answered_at: float | None = None
    """When the client saw it answered."""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    """To the request and to the change of it, by idempotency key."""
    problems: list[str] = field(default_factory=list)


class Journal:
    """The entries of a run; the clients' threads write, the invariants read in the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, Entry] = {}
        self._accepted: list[Entry] = []
        self.subscriptions: list[Subscribed] = []
        """Each is added before its first request is sent."""

    def open(self, entry: Entry) -> None:
        """Begin an entry, before its first request is sent."""
        with self._lock:
            self._entries[entry.order.number] = entry

    def accepted(self, entry: Entry) -> None:
        """Note that the API took an order."""
        with self._lock:
            self._accepted.append(entry)

    def any_accepted(self) -> str:
        """Return the id of the payment that was accepted last; empty if there is none."""
        with self._lock:
            return self._accepted[-1].payment_id if self._accepted else ""

    def latest(self, count: int) -> list[Entry]:
        """Return the entries accepted last."""
        with self._lock:
            return self._accepted[-count:]

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)
