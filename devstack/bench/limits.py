"""How well the rate limiter uses Stripe's quota: `python -m devstack.bench.limits`.

Several processes call an emulator that enforces a rate. Printed are the share of the quota that was
used, the share of calls that Stripe answered with 429, and what the gate costs.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import uvloop

from devstack.ports import Ports
from devstack.stripe_emulator.process import EmulatorProcess
from devstack.valkey import EmbeddedValkey
from devstack.waiting import wait_until

WAITING_AT_MOST = 40
"""Calls that a process has under way: what the worker claims at these rates."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a process of callers needs to know."""

    stripe_url: str
    valkey_url: str
    rate: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a process of callers saw."""

    charged: int
    """Within the time; `answered` has those too that were under way when it was over."""
    answered: int
    rate_limited: int
    put_off: int
    longest_wait: float


def main() -> None:
    """Run it once and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m devstack.bench.limits", description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rate", type=int, default=25, help="requests a second at one endpoint")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--latency", type=float, default=0.3, help="of each call, in seconds")
    options = parser.parse_args()
    figures = measure(
        processes=options.processes,
        rate=options.rate,
        seconds=options.seconds,
        latency=options.latency,
    )
    print(json.dumps(figures, indent=2))


def measure(*, processes: int, rate: int, seconds: float, latency: float) -> dict[str, float]:
    """Call an emulator that enforces `rate` a second, and return what came of it."""
    logging.disable(logging.INFO)
    gate_cost = uvloop.run(_gate_cost(""))
    with tempfile.TemporaryDirectory() as folder, _valkey(Path(folder)) as valkey_url:
        alone_cost = uvloop.run(_limited_cost(valkey_url, callers=1))
        busy_cost = uvloop.run(_limited_cost(valkey_url, callers=WAITING_AT_MOST))
        with EmulatorProcess() as emulator:
            requests.post(f"{emulator.url}/v1/payment_intents", timeout=10)  # its first is slow
            emulator.faults({"match": "^POST", "action": "latency", "seconds": latency})
            emulator.post("rate_limit", {"per_second": 100, "per_endpoint": rate})
            run = Run(
                stripe_url=emulator.url,
                valkey_url=valkey_url,
                rate=rate,
                seconds=seconds,
            )
            reports = _run(run, processes=processes)
            made = emulator.audit()
    logging.disable(logging.NOTSET)
    charged = sum(report.charged for report in reports)
    limited = sum(report.rate_limited for report in reports)
    return {
        "quota_used": charged / seconds / rate,
        "answered_429": limited / (charged + limited),
        "put_off": sum(report.put_off for report in reports),
        "charged": charged,
        "lost_or_double": made["charges"] - sum(report.answered for report in reports),
        "least_of_a_process": min(report.charged for report in reports) * processes / charged,
        "longest_wait_seconds": max(report.longest_wait for report in reports),
        "cpu_us_without_limit": gate_cost * 1e6,
        "cpu_us_one_caller": alone_cost * 1e6,
        f"cpu_us_{WAITING_AT_MOST}_callers": busy_cost * 1e6,
    }


def _run(run: Run, *, processes: int) -> list[Report]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        return list(pool.map(_callers, [run] * processes))


def _callers(run: Run) -> Report:
    from django.conf import settings  # noqa: PLC0415 - in the processes of callers only

    settings.configure(
        STRIPE_API_KEY="sk_test_bench",
        STRIPE_API_BASE=run.stripe_url,
        STRIPE_LIMITS_URL=run.valkey_url,
        STRIPE_RATE_LIMIT=100,
        STRIPE_ENDPOINT_RATE_LIMIT=run.rate,
    )
    return uvloop.run(_call_until_over(run))


async def _call_until_over(run: Run) -> Report:
    from kafka_bridge.errors import TryLater  # noqa: PLC0415 - as above
    from payment_project.stripe_gateway.client import request  # noqa: PLC0415
    from payment_project.stripe_gateway.limits import gate_of  # noqa: PLC0415

    over = time.monotonic() + run.seconds
    charged = answered = put_off = 0
    longest = 0.0

    async def charge_again_and_again() -> None:
        nonlocal charged, answered, put_off, longest
        while (began := time.monotonic()) < over:
            try:
                await request(
                    "post",
                    "/v1/payment_intents",
                    {
                        "amount": 1000,
                        "currency": "eur",
                        "payment_method": "pm_card_visa",
                        "confirm": True,
                        "allowed_payment_method_types": ["card"],
                    },
                    idempotency_key=str(uuid.uuid4()),
                )
            except TryLater:
                put_off += 1
            else:
                answered += 1
                if time.monotonic() < over:
                    charged += 1
                longest = max(longest, time.monotonic() - began)

    await asyncio.gather(*[charge_again_and_again() for _ in range(WAITING_AT_MOST)])
    return Report(
        charged=charged,
        answered=answered,
        rate_limited=gate_of(asyncio.get_running_loop()).counts.rate_limited,
        put_off=put_off,
        longest_wait=longest,
    )


async def _gate_cost(url: str, *, rate: int = 0, callers: int = 1, calls: int = 4000) -> float:
    """Return the seconds of CPU that the gate adds to a call."""
    from payment_project.stripe_gateway.limits import Answer, Gate  # noqa: PLC0415
    from payment_project.stripe_gateway.rate_limiter import Rates  # noqa: PLC0415
    from payment_project.stripe_gateway.shared_state import SharedState  # noqa: PLC0415

    gate = Gate(SharedState(url, key="stripe_limits:bench"), Rates(rate, rate))

    async def answer() -> Answer:
        await asyncio.sleep(0)
        return b"", 200, {}

    async def call() -> None:
        for _ in range(calls // callers):
            await gate.call("POST /v1/payment_intents", answer)

    await gate.call("POST /v1/payment_intents", answer)
    began = time.process_time()
    await asyncio.gather(*[call() for _ in range(callers)])
    cost = (time.process_time() - began) / calls
    await gate.close()
    return cost


async def _limited_cost(url: str, *, callers: int) -> float:
    """Return what it costs under a limit that lets 100 calls through for each that are made."""
    return await _gate_cost(url, rate=100, callers=callers, calls=500)


@contextmanager
def _valkey(folder: Path) -> Iterator[str]:
    valkey = EmbeddedValkey(folder, Ports(folder / "ports.json"))
    valkey.prepare()
    with subprocess.Popen(valkey.program.command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(valkey.is_ready, what="Valkey")
            yield valkey.url
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
