"""The same payments counted in two more places: Stripe's books and the admin's figures."""

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from devstack.clients import analytics, emulator_audit
from devstack.running import RunningStack
from devstack.seeds import Seeds
from devstack.waiting import DeadlinePassedError, wait_until

CHARGED = "succeeded"


@dataclass(kw_only=True)
class Figures:
    """Payments by status, and what was charged by currency, in minor units."""

    by_status: Counter[str] = field(default_factory=Counter)
    volume: Counter[str] = field(default_factory=Counter)
    charges: int = 0  # at Stripe: successful ones
    charged: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """The number of payments."""
        return self.by_status.total()

    def add(self, status: str, amount: int, currency: str) -> None:
        """Count one more payment."""
        self.by_status[status] += 1
        if status == CHARGED:
            self.charges += 1
            self.volume[currency] += amount
            self.charged[currency] += amount

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the demo prints them."""
        return {"by_status": self.by_status, "volume": self.volume, "charges": self.charges}


class Books:
    """Reads both, and compares them with what was asked for."""

    def __init__(self, stack: RunningStack, seeds: Seeds) -> None:
        self._stack = stack
        self._seeds = seeds

    @property
    def sources(self) -> str:
        """Who is asked."""
        emulator = ", Stripe's emulator" if self._stack.uses_emulator else ""
        return f"the customer's API{emulator} and the admin service"

    def read(self) -> Figures:
        """Return the figures of this moment."""
        figures = Figures()
        admin = analytics(self._stack.urls["admin"], self._seeds.admin_token)
        figures.by_status.update(admin["by_status"])
        figures.volume.update(admin["volume"])
        if self._stack.uses_emulator and self._stack.stripe_url:
            audit = emulator_audit(self._stack.stripe_url)
            figures.charges = audit["succeeded"]
            figures.charged.update(
                {currency: sums["net"] for currency, sums in audit["per_currency"].items()}
            )
        return figures

    def check(self, *, before: Figures, expected: Figures, seconds: float = 10) -> list[str]:
        """Return what is off since `before`, a line each, when it stays so for so many seconds."""
        problems: list[str] = []

        def agree() -> bool:
            problems[:] = self._differences(before, self.read(), expected)
            return not problems

        with contextlib.suppress(DeadlinePassedError):
            wait_until(agree, what="the admin's figures", seconds=seconds, every=0.2)
        return problems

    def _differences(self, before: Figures, now: Figures, expected: Figures) -> list[str]:
        compared = [
            ("admin: payments by status", now.by_status, before.by_status, expected.by_status),
            ("admin: volume", now.volume, before.volume, expected.volume),
        ]
        problems = []
        if self._stack.uses_emulator:
            compared.append(("Stripe: charged", now.charged, before.charged, expected.charged))
            if now.charges - before.charges != expected.charges:
                new = now.charges - before.charges
                problems.append(f"Stripe: {new} charges instead of {expected.charges}")
        for what, after, earlier, wanted in compared:
            added = +Counter({key: value - earlier[key] for key, value in after.items()})
            if added != +wanted:
                problems.append(f"{what}: {dict(added)} instead of {dict(wanted)}")
        return problems
