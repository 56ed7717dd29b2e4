"""Deliveries of events to webhook endpoints: signed, retried, kept across a restart.

A delivery is a row: due at some time, until the endpoint answers 2xx or three days have passed.
https://docs.stripe.com/webhooks#retries
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from devstack.stripe_emulator import API_VERSION
from devstack.stripe_emulator.emulator import Emulator
from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.faults import Fault
from devstack.stripe_emulator.objects import hidden, public
from devstack.stripe_emulator.store import Row

if TYPE_CHECKING:
    import aiohttp

_AT_ONCE = 32
_TIMEOUT = 10.0
_GIVEN_UP_AFTER = 3 * 86400
_LONGEST_SLEEP = 60.0
_REORDERED_WITHIN = 2.0


@dataclass(frozen=True)
class _Delivery:
    id: int
    event: str
    webhook_endpoint: str
    attempts: int


class Webhooks:
    """Delivers what is due, several at once, unordered as Stripe does."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._spared: set[int] = set()
        self._held_back: dict[str, list[int]] = defaultdict(list)

    async def run(self) -> None:
        """Deliver for ever."""
        while not self._rows("select 1 from delivery where due_at is not null limit 1"):
            await self._wanted.wait()
            self._wanted.clear()
        import aiohttp  # noqa: PLC0415 - half of the start-up time, needed only here

        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        connector = aiohttp.TCPConnector(limit=_AT_ONCE)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as client:
            try:
                while True:
                    self._wanted.clear()
                    now = time.time()
                    for delivery in self._due(now):
                        task = asyncio.create_task(self._deliver(client, delivery))
                        self._under_way[delivery.id] = task
                    await self._until_next(now)
            finally:
                for task in self._under_way.values():
                    task.cancel()

    @property
    def _wanted(self) -> asyncio.Event:
        return self._emulator.webhooks_wanted

    def _rows(self, sql: str, *parameters: float) -> list[Row]:
        return self._emulator.store.rows(sql, parameters)

    def _due(self, now: float) -> list[_Delivery]:
        """Return what to start, as far as there is room: a finished delivery makes some."""
        rows = self._rows(
            "select id, event, webhook_endpoint, attempts from delivery where due_at <= ?"
            " order by due_at, id limit ?",
            now,
            _AT_ONCE,
        )
        fresh = [_Delivery(*row) for row in rows if row[0] not in self._under_way]
        return fresh[: _AT_ONCE - len(self._under_way)]

    async def _until_next(self, now: float) -> None:
        """Sleep until something is due after `now`, is added or is finished."""
        next_due = self._rows("select min(due_at) from delivery where due_at > ?", now)[0][0]
        seconds = _LONGEST_SLEEP if next_due is None else next_due - time.time()
        try:
            await asyncio.wait_for(self._wanted.wait(), min(max(seconds, 0.001), _LONGEST_SLEEP))
        except TimeoutError:
            return

    async def _deliver(self, client: aiohttp.ClientSession, delivery: _Delivery) -> None:
        try:
            await self._attempt(client, delivery)
        finally:
            self._under_way.pop(delivery.id, None)
            self._emulator.webhooks_wanted.set()

    async def _attempt(self, client: aiohttp.ClientSession, delivery: _Delivery) -> None:
        session = self._emulator.session()
        event = session.the(delivery.event)
        endpoint = session.the(delivery.webhook_endpoint)
        if endpoint["status"] != "enabled" or hidden(endpoint).get("deleted"):
            self._finish(delivery)
            return
        fault = self._fault(delivery, event)
        if fault and fault.action == "drop":
            self._finish(delivery)
            return
        if fault and fault.action in ("delay", "reorder"):
            self._put_off(delivery, fault)
            return
        body, signature = _signed(event, endpoint, fault)
        delivered = await _post(client, endpoint["url"], body, signature)
        if fault and fault.action == "duplicate":
            await _post(client, endpoint["url"], body, signature)
        if delivered:
            self._succeed(delivery)
        else:
            self._retry(delivery, event)
        self._release(endpoint["id"], but=delivery.id)

    def _fault(self, delivery: _Delivery, event: StripeObject) -> Fault | None:
        if delivery.id in self._spared:
            self._spared.discard(delivery.id)
            return None
        struck = self._emulator.faults.strike(f"WEBHOOK {event['type']}")
        return struck[-1] if struck else None

    def _put_off(self, delivery: _Delivery, fault: Fault) -> None:
        """Deliver later: after a while, or once a later event has overtaken it."""
        self._spared.add(delivery.id)
        seconds = fault.delay()
        if fault.action == "reorder":
            self._held_back[delivery.webhook_endpoint].append(delivery.id)
            seconds = seconds or _REORDERED_WITHIN
        self._due_in(delivery.id, seconds)

    def _release(self, endpoint_id: str, *, but: int) -> None:
        for delivery_id in self._held_back.pop(endpoint_id, []):
            if delivery_id != but:
                self._due_in(delivery_id, 0)

    def _succeed(self, delivery: _Delivery) -> None:
        session = self._emulator.session()
        with self._emulator.store.transaction():
            event = session.the(delivery.event)
            session.save(event, pending_webhooks=max(event["pending_webhooks"] - 1, 0))
            session.flush()
            self._finish(delivery)

    def _retry(self, delivery: _Delivery, event: StripeObject) -> None:
        backoff = self._emulator.webhook_backoff
        if time.time() - event["created"] > _GIVEN_UP_AFTER and not _on_test_clock(event):
            self._finish(delivery)
            return
        seconds = min(backoff.first * 2**delivery.attempts, backoff.longest)
        self._emulator.store.execute(
            "update delivery set attempts = attempts + 1, due_at = ? where id = ?",
            (time.time() + seconds, delivery.id),
        )

    def _finish(self, delivery: _Delivery) -> None:
        self._emulator.store.execute(
            "update delivery set due_at = null, attempts = attempts + 1 where id = ?",
            (delivery.id,),
        )

    def _due_in(self, delivery_id: int, seconds: float) -> None:
        self._emulator.store.execute(
            "update delivery set due_at = ? where id = ? and due_at is not null",
            (time.time() + seconds, delivery_id),
        )


def sign(body: bytes, secret: str, *, timestamp: int) -> str:
    """Return the `Stripe-Signature` of a body.

    https://docs.stripe.com/webhooks#verify-manually
    """
    signed = b"%d.%s" % (timestamp, body)
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def _on_test_clock(event: StripeObject) -> bool:
    return bool(event["data"]["object"].get("test_clock"))


def _signed(event: StripeObject, endpoint: StripeObject, fault: Fault | None) -> tuple[bytes, str]:
    shown = public(event)
    shown["api_version"] = endpoint["api_version"] or API_VERSION
    secret = hidden(endpoint)["secret"]
    if fault and fault.action == "older_api_version":
        shown["api_version"] = fault.api_version
    if fault and fault.action == "wrong_signature":
        secret = f"{secret}_wrong"
    body = orjson.dumps(shown, option=orjson.OPT_INDENT_2)
    return body, sign(body, secret, timestamp=int(time.time()))


async def _post(client: aiohttp.ClientSession, url: str, body: bytes, signature: str) -> bool:
    """Post a delivery. Return whether the endpoint took it."""
    import aiohttp  # noqa: PLC0415 - loaded by now

    headers: dict[str, Any] = {
        "content-type": "application/json; charset=utf-8",
        "stripe-signature": signature,
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    try:
        async with client.post(url, data=body, headers=headers, allow_redirects=False) as response:
            return 200 <= response.status < 300  # noqa: PLR2004 - HTTP
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
