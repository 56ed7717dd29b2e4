"""The way of an API request: key, faults, idempotency, check, work, answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import orjson

from devstack.stripe_emulator import API_VERSION, authentication, parameters
from devstack.stripe_emulator.emulator import Emulator
from devstack.stripe_emulator.errors import StripeError, refused
from devstack.stripe_emulator.exchange import Answer, Call, Dropped
from devstack.stripe_emulator.expansion import expand
from devstack.stripe_emulator.faults import Fault
from devstack.stripe_emulator.forms import decode
from devstack.stripe_emulator.objects import random_word
from devstack.stripe_emulator.routing import Params, Request, Route

logger = logging.getLogger(__name__)


class Api:
    """Answers everything under `/v1/`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def answer(self, call: Call) -> Answer:
        """Answer a request. Raise `Dropped` when a fault cuts the connection."""
        headers = {
            "request-id": f"req_{random_word(14)}",
            "stripe-version": call.headers.get("stripe-version", API_VERSION),
        }
        faults = self._emulator.faults.strike(call.line)
        try:
            answer = await self._guarded(call, faults, headers)
        except StripeError as error:
            answer = _error_answer(error)
        ending = faults[-1] if faults else None
        extra = ending.headers if ending else {}
        return Answer(answer.status, answer.body, {**headers, **answer.headers, **extra})

    async def _guarded(self, call: Call, faults: list[Fault], headers: dict[str, str]) -> Answer:
        fault = next((item for item in faults if item.action != "latency"), None)
        if fault and fault.action == "drop_before":
            raise Dropped
        self._emulator.rate_limiter.admit(call.line)
        publishable = authentication.is_publishable(call.headers.get("authorization", ""))
        _check_version(headers["stripe-version"])
        if fault and fault.action == "lock_timeout":
            raise fault.error()
        if fault and fault.action == "status" and not fault.stored:
            raise fault.error()
        key = call.headers.get("idempotency-key") if call.method == "POST" else None
        if key is None:
            await _wait(faults)
            return self._faulted(call, fault, headers, publishable=publishable, key=None)
        headers["idempotency-key"] = key
        stored = self._emulator.idempotency_keys.begin(key, call)
        if stored:
            return stored
        try:
            await _wait(faults)
            return self._faulted(call, fault, headers, publishable=publishable, key=key)
        finally:
            self._emulator.idempotency_keys.end(key)

    def _faulted(
        self,
        call: Call,
        fault: Fault | None,
        headers: Mapping[str, str],
        *,
        publishable: bool,
        key: str | None,
    ) -> Answer:
        """Do the work, unless a fault comes first, and spoil the answer, if one comes after."""
        if fault and fault.action == "status":
            answer = _error_answer(fault.error())
            self._store_answer(call, key, answer)
            return answer
        answer = self._work(call, headers, publishable=publishable, key=key, fault=fault)
        if fault and fault.action == "drop_after":
            raise Dropped
        if fault and fault.action == "garble_after":
            return Answer(answer.status, answer.body[: len(answer.body) // 2])
        if fault and fault.action == "status_after":
            answer = _error_answer(fault.error())
            if fault.stored is not False:
                self._store_answer(call, key, answer)
        return answer

    def _work(
        self,
        call: Call,
        headers: Mapping[str, str],
        *,
        publishable: bool,
        key: str | None,
        fault: Fault | None,
    ) -> Answer:
        route, ids = self._emulator.routes.match(call.method, call.path)
        params = _checked(route, call, publishable=publishable)
        paths: list[str] = params.pop("expand", [])
        session = self._emulator.session(request_id=headers["request-id"], idempotency_key=key)
        session.asked_to_process = fault if fault and fault.action == "processing" else None
        session.asked_to_redirect = fault is not None and fault.action == "redirect"
        request = Request(session, Params(params), ids, call.path, publishable)
        keys = self._emulator.idempotency_keys
        try:
            with self._emulator.store.transaction():
                try:
                    shown = expand(session, route.handler(request), paths)
                    request.params.check_all_read()
                    answer = Answer(200, orjson.dumps(shown))
                except StripeError as error:
                    if not error.keeps_effects:
                        raise
                    answer = _error_answer(error)
                session.flush()
                if key:
                    keys.remember(key, call, status=answer.status, body=answer.body)
        except StripeError as error:
            answer = _error_answer(error)
            if error.stored:
                self._store_answer(call, key, answer)
        except Exception:
            logger.exception("%s failed", call.line)
            return _error_answer(
                StripeError("The emulator failed: see its log.", status=500, type="api_error")
            )
        self._emulator.after(session)
        return answer

    def _store_answer(self, call: Call, key: str | None, answer: Answer) -> None:
        if key:
            with self._emulator.store.transaction():
                self._emulator.idempotency_keys.remember(
                    key, call, status=answer.status, body=answer.body
                )


def _checked(route: Route, call: Call, *, publishable: bool) -> dict[str, Any]:
    raw = decode(call.query if call.method == "GET" else call.body.decode(errors="replace"))
    if not publishable:
        return parameters.check(route.params_type, raw)
    if not route.publishable:
        authentication.require_secret_key()
    client_secret = raw.pop("client_secret", None)
    params = parameters.check(route.params_type, raw)
    return params if client_secret is None else {**params, "client_secret": client_secret}


def _check_version(version: str) -> None:
    if version != API_VERSION:
        raise refused(f"Invalid Stripe API version: {version}. The emulator knows {API_VERSION}.")


async def _wait(faults: list[Fault]) -> None:
    seconds = sum(fault.delay() for fault in faults if fault.action == "latency")
    if seconds:
        await asyncio.sleep(seconds)


def _error_answer(error: StripeError) -> Answer:
    return Answer(error.status, orjson.dumps(error.body))
