"""Rates, on one running system: T1, T2, T3 and T9."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from devstack.bench import limits, rivals
from devstack.bench.medians import median, medians
from devstack.bench.processes import Processes
from devstack.bench.size import Size
from devstack.bench.speed import decoding_us
from devstack.bench.system import OF_SERVICES, Drained, System
from devstack.bench.targets import Target

STRIPE_SECONDS: Final = 0.3
"""What a call to Stripe takes in real life, at its best."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The measurements of rates on one running system."""

    system: System
    size: Size
    tell: Callable[[str], None]

    def throughput(self) -> list[Target]:
        """Compare rates: T1, T2, T3 and T9."""
        rounds = [self._round(number) for number in range(self.size.runs)]
        normal = [one["system"] for one in rounds]
        return [
            self._beside_the_tutorial(rounds, normal),
            _beside_no_stripe(rounds, normal),
            self._beside_those_who_wait(rounds, normal),
            self._with_a_backlog(normal),
        ]

    def _round(self, number: int) -> dict[str, Any]:
        # Side by side in each round, so that a machine that slows down slows all of them.
        self.tell(f"Round {number + 1} of {self.size.runs}: system, without Stripe, tutorial")
        normal = self.system.drain(self.size.payments)
        with self.system.own_worker(settings="devstack.bench.without_stripe") as worker:
            self.system.drain(200, worker=worker)
            without = self.system.drain(self.size.payments, worker=worker)
        with self.system.stands_still():
            tutorial = rivals.tutorial(self.system, count=self.size.tutorial)
            raw = rivals.raw_limit(self.system, count=self.size.payments * 4)
            waiting = self._waiting_rivals() if number < self.size.repeats else {}
        self.tell(f"  {normal.rate:.0f}, {without.rate:.0f}, {tutorial.rate:.0f} payments/s")
        return {"system": normal, "without": without, "tutorial": tutorial, "raw": raw, **waiting}

    def _waiting_rivals(self) -> dict[str, rivals.Timed]:
        system, size = self.system, self.size
        pool = ("--pool", "threads", "--concurrency", "50")
        with self._stripe_takes_its_time():
            return {
                "prefork": rivals.tutorial(system, count=size.tutorial_waiting),
                "threads": rivals.tutorial(system, count=size.tutorial, pool=pool),
            }

    @contextmanager
    def _stripe_takes_its_time(self) -> Iterator[None]:
        self.system.stripe(latency=STRIPE_SECONDS)
        try:
            yield
        finally:
            self.system.stripe(latency=0.0)

    def _beside_the_tutorial(
        self, rounds: Sequence[dict[str, Any]], normal: Sequence[Drained]
    ) -> Target:
        ratios = [one["system"].rate / one["tutorial"].rate for one in rounds]
        self.tell("The customer's relay and the payment service's consumer, each by itself")
        legs = [self.system.legs(self.size.growth) for _ in range(self.size.repeats)]
        return Target(
            name="T1",
            what="times the tutorial's pipeline, Stripe at 0 ms",
            value=median(ratios),
            target=20,
            better="more",
            figures={
                "payments_per_second": _rate(normal),
                "tutorial_per_second": median(one["tutorial"].rate for one in rounds),
                "raw_limit_records_per_second": median(one["raw"].rate for one in rounds),
                "records_per_second": medians(legs),
                "ratios": ratios,
            },
        )

    def _beside_those_who_wait(
        self, rounds: Sequence[dict[str, Any]], normal: Sequence[Drained]
    ) -> Target:
        self.tell("Stripe takes 300 ms")
        with self._stripe_takes_its_time():
            runs = [self.system.drain(self.size.payments) for _ in range(self.size.repeats)]
        waiting_rate = _rate(runs)
        prefork_rate = median(one["prefork"].rate for one in rounds[: self.size.repeats])
        threads_rate = median(one["threads"].rate for one in rounds[: self.size.repeats])
        return Target(
            name="T3",
            what="of T1's rate with Stripe at 300 ms, one worker process",
            value=waiting_rate / _rate(normal),
            target=0.9,
            better="more",
            figures={
                "payments_per_second": waiting_rate,
                "times_tutorial_prefork": waiting_rate / prefork_rate,
                "times_tutorial_threads": waiting_rate / threads_rate,
                "tutorial_prefork_per_second": prefork_rate,
                "tutorial_threads_per_second": threads_rate,
                "all_met": waiting_rate >= max(100 * prefork_rate, 15 * threads_rate),
            },
        )

    def _with_a_backlog(self, normal: Sequence[Drained]) -> Target:
        self.tell(f"A backlog of {self.size.backlog}")
        processes = Processes(self.system.running.supervisor, {})
        before = processes.megabytes()["payment-worker"]
        backlog = self.system.drain(self.size.backlog)
        growth = backlog.megabytes["payment-worker"] / before
        self.system.running.wait_until_settled(seconds=60)
        resident, proportional = processes.resident_megabytes(), processes.megabytes()
        idle = _of_services(resident)
        return Target(
            name="T9",
            what=f"of T1's rate while {self.size.backlog} queued payments are drained",
            value=backlog.rate / _rate(normal),
            target=0.9,
            better="more",
            figures={
                "payments_per_second": backlog.rate,
                "seconds_to_drain": backlog.seconds,
                "idle_megabytes_rss": idle,
                "idle_megabytes_pss": _of_services(proportional),
                "idle_megabytes_target": 900,
                "idle_megabytes_rss_by_process": resident,
                "idle_megabytes_pss_by_process": proportional,
                "worker_megabytes_before_and_after": [before, backlog.megabytes["payment-worker"]],
                "worker_times_its_memory_before": growth,
                "worker_times_its_memory_before_target": 1.1,
                "all_met": idle <= 900 and growth <= 1.1,  # noqa: PLR2004 - the targets
            },
        )


def quota(size: Size) -> Target:
    """Measure how much of a quota is used, with an emulator that enforces it: T7."""
    figures = limits.measure(
        processes=2, rate=25, seconds=size.quota_seconds, latency=STRIPE_SECONDS
    )
    few_refused = figures["answered_429"] < 0.01  # noqa: PLR2004 - the target
    return Target(
        name="T7",
        what="of a quota of 25/s used",
        value=figures["quota_used"],
        target=0.95,
        better="more",
        figures={**figures, "all_met": few_refused and figures["lost_or_double"] == 0},
    )


def _beside_no_stripe(rounds: Sequence[dict[str, Any]], normal: Sequence[Drained]) -> Target:
    cpu = median(one.cpu_ms_in_all for one in normal)
    return Target(
        name="T2",
        what="of the rate without the call to Stripe",
        value=median(one["system"].rate / one["without"].rate for one in rounds),
        target=0.5,
        better="more",
        figures={
            "without_stripe_per_second": median(one["without"].rate for one in rounds),
            "cpu_ms_a_payment": cpu,
            "cpu_ms_target": 1.5,
            "cpu_us_to_decode_500_bytes": decoding_us(),
            "cpu_ms_by_process": medians([one.cpu_ms for one in normal]),
            "all_met": cpu <= 1.5,  # noqa: PLR2004 - the target
        },
    )


def _of_services(megabytes: dict[str, float]) -> float:
    return sum(value for name, value in megabytes.items() if name.startswith(OF_SERVICES))


def _rate(drained: Sequence[Drained]) -> float:
    return median(one.rate for one in drained)
