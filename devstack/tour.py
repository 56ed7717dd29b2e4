"""The demo's tour: real payments through the whole system, every number checked."""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from devstack.books import Books, Figures
from devstack.clients import CustomerApi, Json
from devstack.hops import Hop, Trace, percentile
from devstack.running import RunningStack
from devstack.seeds import Seeds

BATCH = 100
BATCH_PER_SECOND = 10
"""Paced, so that latency is the path's: the events of one customer wait for each other."""
CURRENCY = "eur"


@dataclass(kw_only=True)
class Scenario:
    """One payment of the tour: what it should come to, and what it did."""

    title: str
    payment: Json
    hops: list[Hop]
    problems: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the facts by name."""
        names = ("id", "status", "amount", "currency", "error_code", "decline_code")
        facts = {name: self.payment.get(name) for name in names}
        last = self.hops[-1].milliseconds if self.hops else None
        return {
            **facts,
            "requires_action": bool(self.payment.get("requires_action")),
            "correlation_id": self.payment.get("correlation_id"),
            "milliseconds": last,
            "hops": [hop.as_json() for hop in self.hops],
        }


@dataclass(kw_only=True)
class Facts:
    """What the tour found."""

    payments: dict[str, Any] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Tour:
    """Payments of every kind, told as they go."""

    def __init__(self, stack: RunningStack, seeds: Seeds, *, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._say = say
        self._customers = [
            CustomerApi(stack.urls["customer"], token) for token in seeds.customer_tokens
        ]
        self._trace = Trace(stack)
        self._books = Books(stack, seeds)
        self._expected = Figures()
        self.facts = Facts()

    def run(self) -> Facts:
        """Take the tour and return what it found; problems are among the facts."""
        before = self._books.read()
        self._succeeds()
        self._is_declined()
        self._needs_3d_secure()
        self._duplicate_click()
        self._batch()
        self._reconcile(before)
        self._trace.close()
        return self.facts

    def _succeeds(self) -> None:
        payment = self._pay("succeeds", "pm_card_visa", {"status": "succeeded"}, print_hops=True)
        if not payment.get("payment_intent_id"):
            self._problem("succeeds: the payment names no PaymentIntent")

    def _is_declined(self) -> None:
        wanted = {
            "status": "requires_payment_method",
            "error_code": "card_declined",
            "decline_code": "insufficient_funds",
        }
        self._pay("declined", "pm_card_chargeDeclinedInsufficientFunds", wanted)

    def _needs_3d_secure(self) -> None:
        wanted = {"status": "requires_action", "requires_action": True}
        payment = self._pay("needs_3d_secure", "pm_card_threeDSecure2Required", wanted)
        for name in ("client_secret", "next_action"):
            if not payment.get(name):
                self._problem(f"needs_3d_secure: the payment has no {name}")

    def _duplicate_click(self) -> None:
        key = str(uuid.uuid4())
        first = self._customers[0].pay(amount=2500, currency=CURRENCY, idempotency_key=key)
        second = self._customers[0].pay(amount=2500, currency=CURRENCY, idempotency_key=key)
        if first["id"] != second["id"]:
            self._problem(f"duplicate: two payments, {first['id']} and {second['id']}")
        self._tell("duplicate", first["id"], {"status": "succeeded"})

    def _pay(
        self, scenario: str, payment_method: str, wanted: Json, *, print_hops: bool = False
    ) -> Json:
        accepted = self._customers[0].pay(currency=CURRENCY, payment_method=payment_method)
        return self._tell(scenario, accepted["id"], wanted, print_hops=print_hops)

    def _tell(
        self, scenario: str, payment_id: str, wanted: Json, *, print_hops: bool = False
    ) -> Json:
        """Wait for a payment's answer, check it, and print it."""
        payment = self._customers[0].answered_payment(payment_id)
        self._stack.wait_until_settled()
        for name, value in wanted.items():
            if payment.get(name) != value:
                self._problem(f"{scenario}: {name} is {payment.get(name)!r}, not {value!r}")
        hops = self._trace.hops(payment["correlation_id"])
        told = Scenario(title=scenario, payment=payment, hops=hops, problems=[])
        self.facts.payments[scenario] = told.as_json()
        self._expected.add(payment["status"], payment["amount"], payment["currency"])
        reason = "/".join(filter(None, (payment.get("error_code"), payment.get("decline_code"))))
        self._say(f"  {scenario:<16} {payment['id']}  {payment['status']} {reason}".rstrip())
        if print_hops:
            for hop in hops:
                self._say(f"    {hop}")
        return payment

    def _batch(self) -> None:
        """Take a hundred payments of different amounts, of all demo customers, at a steady pace."""
        started = time.monotonic()
        with ThreadPoolExecutor(max_workers=8) as pool:
            accepted = list(pool.map(lambda number: self._paced(started, number), range(BATCH)))
        final = [api.answered_payment(payment["id"], seconds=60) for api, payment in accepted]
        seconds = time.monotonic() - started
        self._stack.wait_until_settled()
        failed = [payment["id"] for payment in final if payment["status"] != "succeeded"]
        if failed:
            self._problem(f"batch: {len(failed)} of {BATCH} did not succeed, as {failed[0]}")
        for payment in final:
            self._expected.add(payment["status"], payment["amount"], payment["currency"])
        latencies = self._trace.latencies([payment["correlation_id"] for payment in final])
        if len(latencies) != BATCH:
            self._problem(f"batch: {len(latencies)} results arrived for {BATCH} payments")
        self._tell_batch(final, latencies, seconds)

    def _paced(self, started: float, number: int) -> tuple[CustomerApi, Json]:
        api = self._customers[number % len(self._customers)]
        time.sleep(max(0.0, started + number / BATCH_PER_SECOND - time.monotonic()))
        return api, api.pay(amount=1000 + number, currency=CURRENCY)

    def _tell_batch(self, final: list[Json], latencies: list[float], seconds: float) -> None:
        amount = sum(payment["amount"] for payment in final)
        if latencies:
            self.facts.latency_ms = {
                "p50": percentile(latencies, 50),
                "p99": percentile(latencies, 99),
                "max": max(latencies),
            }
        self.facts.payments["batch"] = {
            "ids": [payment["id"] for payment in final],
            "count": len(final),
            "amount": amount,
            "currency": CURRENCY,
            "seconds": round(seconds, 2),
            "per_second": BATCH_PER_SECOND,
        }
        asked = f"{len(final)} payments at {BATCH_PER_SECOND}/s, {amount / 100:.2f} {CURRENCY}"
        self._say(f"  {'batch':<16} {asked}")
        told = ", ".join(f"{name} {value:.0f} ms" for name, value in self.facts.latency_ms.items())
        self._say(f"    from accepted by the API to the customer's final state: {told}")

    def _reconcile(self, before: Figures) -> None:
        """Compare what the tour asked for with the emulator's books and the admin's figures."""
        problems = self._books.check(before=before, expected=self._expected)
        self.facts.figures = self._expected.as_json()
        self.facts.problems += problems
        for problem in problems:
            self._say(f"  WRONG: {problem}")
        if not problems:
            volume = self._expected.volume[CURRENCY] / 100
            self._say(
                f"  Checked: {self._expected.count} payments, {volume:.2f} {CURRENCY} charged;"
                f" {self._books.sources} agree to the cent."
            )

    def _problem(self, problem: str) -> None:
        self.facts.problems.append(problem)
        self._say(f"  WRONG: {problem}")
