"""What the parts of the emulator share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from devstack.stripe_emulator.faults import Faults
from devstack.stripe_emulator.idempotency import IdempotencyKeys
from devstack.stripe_emulator.journal import Journal
from devstack.stripe_emulator.rate_limits import RateLimiter
from devstack.stripe_emulator.resources import all_routes
from devstack.stripe_emulator.session import Session
from devstack.stripe_emulator.store import Store


@dataclass
class Backoff:
    """How long a webhook waits after a failed delivery: doubled each time, up to the longest."""

    first: float = 1.0
    longest: float = 60.0


class Emulator:
    """One emulated Stripe account."""

    def __init__(self, *, path: str, base_url: str, journal: str = "") -> None:
        self.base_url = base_url
        self.journal = Journal(journal) if journal else None
        self.store = Store(path)
        self.routes = all_routes()
        self.faults = Faults()
        self.rate_limiter = RateLimiter()
        self.idempotency_keys = IdempotencyKeys(self.store)
        self.webhook_backoff = Backoff()
        self.webhooks_wanted = asyncio.Event()
        self.schedule_changed = asyncio.Event()

    def session(
        self, *, request_id: str | None = None, idempotency_key: str | None = None
    ) -> Session:
        """Start a unit of work; its caller opens the transaction and flushes."""
        return Session(
            self.store,
            base_url=self.base_url,
            request_id=request_id,
            idempotency_key=idempotency_key,
        )

    def after(self, session: Session) -> None:
        """Wake whoever has work to do after a unit of work was committed."""
        if session.wakes_webhooks:
            self.webhooks_wanted.set()
        if session.wakes_schedule:
            self.schedule_changed.set()
