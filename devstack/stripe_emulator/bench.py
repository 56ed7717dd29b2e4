"""How fast the emulator is, whether that depends on how much it holds, and what memory it takes.

`python -m devstack.stripe_emulator.bench --objects 100000` starts an emulator on a file of its own
and has a few connections create and confirm PaymentIntents until that many objects are stored.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import requests

from devstack.stripe_emulator import API_VERSION
from devstack.stripe_emulator.process import EmulatorProcess

_HEADERS = f"Authorization: Bearer sk_test_bench\r\nStripe-Version: {API_VERSION}\r\n"
_PARAMS = {
    "amount": "1999",
    "currency": "eur",
    "confirm": "true",
    "payment_method": "pm_card_visa",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
    "metadata[event_id]": "0",
}


@dataclass(frozen=True)
class Slice:
    """A stretch of the run."""

    requests: int
    objects: int
    seconds: float
    cpu_seconds: float
    latencies: list[float]
    memory: int

    def __str__(self) -> str:
        rate = self.requests / self.seconds
        per_core = self.requests / self.cpu_seconds
        cost = 1e6 * self.cpu_seconds / self.requests
        p50, p99 = (1000 * quantile(self.latencies, share) for share in (0.5, 0.99))
        return (
            f"{self.objects:>9,} {rate:>10,.0f} {per_core:>12,.0f} {cost:>10,.0f}"
            f" {p50:>8.1f} {p99:>8.1f} {self.memory / 1e6:>8.0f}"
        )


def quantile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    return statistics.quantiles(values, n=1000)[round(share * 1000) - 1]


def main() -> None:
    """Read the command line, run, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--connections", type=int, default=8)
    arguments = parser.parse_args()
    header = ("objects", "requests/s", "per CPU s", "CPU us", "p50 ms", "p99 ms", "MB")
    widths = (9, 10, 12, 10, 8, 8, 8)
    with tempfile.TemporaryDirectory() as directory:
        database = Path(directory) / "bench.sqlite3"
        started = time.monotonic()
        with EmulatorProcess(database=database) as emulator:
            print(
                f"started in {time.monotonic() - started:.2f} s, {emulator.memory() / 1e6:.0f} MB"
            )
            print(" ".join(f"{name:>{width}}" for name, width in zip(header, widths, strict=True)))
            slices = []
            for part in run(emulator, arguments.objects, arguments.slices, arguments.connections):
                slices.append(part)
                print(part, flush=True)
            requests_made = sum(part.requests for part in slices)
            seconds = sum(part.seconds for part in slices)
            audited = emulator.audit()["succeeded"]
            size = sum(file.stat().st_size for file in Path(directory).iterdir())
            print(f"{requests_made:,} create+confirm requests, {requests_made / seconds:,.0f}/s")
            print(f"{audited:,} charges in the audit, database {size / 1e6:.0f} MB")


def run(emulator: EmulatorProcess, objects: int, slices: int, connections: int) -> Iterator[Slice]:
    """Load the emulator, yielding a slice each time a share of the objects has been made."""
    customer = requests.post(
        f"{emulator.url}/v1/customers", auth=("sk_test_bench", ""), timeout=10
    ).json()["id"]
    done = 0
    for number in range(1, slices + 1):
        target = objects * number // slices
        cpu, started, latencies = emulator.cpu_seconds(), time.monotonic(), list[float]()
        stored = sum(emulator.get("counts").values())
        while stored < target:
            wanted = max((target - stored) // _objects_per_request(stored, done), connections)
            latencies += asyncio.run(_load(emulator.url, customer, wanted, connections, done))
            done += wanted
            stored = sum(emulator.get("counts").values())
        yield Slice(
            requests=len(latencies),
            objects=stored,
            seconds=time.monotonic() - started,
            cpu_seconds=emulator.cpu_seconds() - cpu,
            latencies=latencies,
            memory=emulator.memory(),
        )


def _objects_per_request(stored: int, done: int) -> int:
    return max(round(stored / done), 1) if done else 8


async def _load(url: str, customer: str, count: int, connections: int, first: int) -> list[float]:
    numbers = iter(range(first, first + count))
    parts = urlsplit(url)
    workers = [
        _one_connection(str(parts.hostname), int(parts.port or 80), customer, numbers)
        for _ in range(connections)
    ]
    return [latency for found in await asyncio.gather(*workers) for latency in found]


async def _one_connection(
    host: str, port: int, customer: str, numbers: Iterator[int]
) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    latencies = []
    for number in numbers:
        body = urlencode({**_PARAMS, "customer": customer, "metadata[event_id]": str(number)})
        head = (
            f"POST /v1/payment_intents HTTP/1.1\r\nHost: {host}\r\n{_HEADERS}"
            f"Idempotency-Key: bench:{number}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        started = time.perf_counter()
        writer.write((head + body).encode())
        answered = await reader.readuntil(b"\r\n\r\n")
        length = int(answered.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        if not answered.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode())
        latencies.append(time.perf_counter() - started)
    writer.close()
    await writer.wait_closed()
    return latencies


if __name__ == "__main__":
    main()
