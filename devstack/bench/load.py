"""Requests at a fixed rate, whether they are answered or not: `python -m devstack.bench.load`.

An open loop, in a process of its own: a server that stalls meets the requests that a closed loop
would hold back. A closed one, of so many clients, tells how many answers a second there can be.
Reads what to send from standard input, prints how long each answer took as JSON.
"""

import argparse
import asyncio
import hashlib
import hmac
import itertools
import json
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

Send = Callable[[aiohttp.ClientSession, int], Awaitable[int]]


def main() -> None:
    """Send for so many seconds, then print."""
    parser = argparse.ArgumentParser(prog="python -m devstack.bench.load")
    parser.add_argument("what", choices=("payments", "webhooks"))
    loop = parser.add_mutually_exclusive_group(required=True)
    loop.add_argument("--rate", type=float, help="requests a second")
    loop.add_argument("--clients", type=int, help="each sends again as soon as it is answered")
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    given: dict[str, Any] = json.load(sys.stdin)
    send = _payments(given) if options.what == "payments" else _webhooks(given)
    print(json.dumps(asyncio.run(_run(send, options))))


async def _run(send: Send, options: argparse.Namespace) -> dict[str, Any]:
    times: list[float] = []
    statuses: dict[int, int] = {}
    numbers = itertools.count()

    async def timed(session: aiohttp.ClientSession, due: float) -> None:
        status = await send(session, next(numbers))
        times.append(time.monotonic() - due)  # a late start is the server's delay too
        statuses[status] = statuses.get(status, 0) + 1

    async def again_and_again(session: aiohttp.ClientSession, until: float) -> None:
        while (now := time.monotonic()) < until:
            await timed(session, now)

    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as sent:
        began = time.monotonic()
        for _ in range(options.clients or 0):
            sent.create_task(again_and_again(session, began + options.seconds))
        for number in range(int((options.rate or 0) * options.seconds)):
            due = began + number / options.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sent.create_task(timed(session, due))
    seconds = time.monotonic() - began
    cuts = statistics.quantiles(times, n=100)
    return {
        "sent": len(times),
        "per_second": len(times) / seconds,
        "statuses": {str(status): count for status, count in statuses.items()},
        "ms": {"p50": cuts[49] * 1000, "p95": cuts[94] * 1000, "p99": cuts[98] * 1000},
    }


def _payments(given: dict[str, Any]) -> Send:
    tokens: list[str] = given["tokens"]

    async def send(session: aiohttp.ClientSession, number: int) -> int:
        headers = {
            "Authorization": f"Token {tokens[number % len(tokens)]}",
            "Idempotency-Key": str(uuid.uuid4()),
        }
        body = {
            "amount": 1000 + number % 1000,
            "currency": "eur",
            "payment_method": "pm_card_visa",
        }
        async with session.post(given["url"], json=body, headers=headers) as response:
            await response.read()
            return response.status

    return send


def _webhooks(given: dict[str, Any]) -> Send:
    secret: str = given["secret"]
    objects: list[dict[str, Any]] = given["objects"]

    async def send(session: aiohttp.ClientSession, number: int) -> int:
        about = {"data": {"object": objects[number % len(objects)]}}
        event = given["event"] | about | {"id": f"evt_{uuid.uuid4().hex}"}
        body = json.dumps(event).encode()
        now = str(int(time.time()))
        signed = hmac.new(secret.encode(), now.encode() + b"." + body, hashlib.sha256)
        headers = {
            "Stripe-Signature": f"t={now},v1={signed.hexdigest()}",
            "Content-Type": "application/json",
        }
        async with session.post(given["url"], data=body, headers=headers) as response:
            await response.read()
            return response.status

    return send


if __name__ == "__main__":
    main()
