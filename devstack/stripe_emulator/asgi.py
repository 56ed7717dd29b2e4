"""The ASGI application: one dispatch on the first part of the path."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from devstack.stripe_emulator import parameters
from devstack.stripe_emulator.admin import Admin
from devstack.stripe_emulator.api import Api
from devstack.stripe_emulator.browser import script_or_frame
from devstack.stripe_emulator.emulator import Emulator
from devstack.stripe_emulator.errors import StripeError, refused
from devstack.stripe_emulator.exchange import Answer, Call, Dropped, json_answer
from devstack.stripe_emulator.scheduled import run_scheduled
from devstack.stripe_emulator.three_d_secure import ThreeDSecurePage
from devstack.stripe_emulator.webhooks import Webhooks

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "authorization, content-type, stripe-version, idempotency-key",
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-expose-headers": "request-id",
}


class Application:
    """The emulator as an ASGI application."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._api = Api(emulator)
        self._admin = Admin(emulator)
        self._three_d_secure = ThreeDSecurePage(emulator)
        self._background: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        call = await _read(scope, receive)
        try:
            answer = await self._answer(call)
        except Dropped:
            scope["state"]["transport"].abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        extra = {**answer.headers, **(_CORS if "origin" in call.headers else {})}
        headers.extend((name.lower().encode(), value.encode()) for name, value in extra.items())
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, call: Call) -> Answer:
        if call.method == "OPTIONS":
            return Answer(204, b"")
        if call.path.startswith("/_emulator/"):
            return self._admin.answer(call)
        if call.path.startswith("/v1/"):
            if self._emulator.journal:
                self._emulator.journal.note(call)
            return await self._api.answer(call)
        if call.path.startswith("/3d_secure/"):
            return self._three_d_secure.answer(call)
        served = script_or_frame(call)
        if served:
            return served
        unknown: StripeError = refused(
            f"Unrecognized request URL ({call.method}: {call.path}).", status=404
        )
        return json_answer(unknown.body, status=404)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._background = [
                    asyncio.create_task(asyncio.to_thread(parameters.warm_up)),
                    asyncio.create_task(run_scheduled(self._emulator)),
                    asyncio.create_task(Webhooks(self._emulator).run()),
                ]
                if journal := self._emulator.journal:
                    self._background.append(asyncio.create_task(journal.watch_the_clock()))
                await send({"type": "lifespan.startup.complete"})
            else:
                for task in self._background:
                    task.cancel()
                await asyncio.gather(*self._background, return_exceptions=True)
                self._emulator.store.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _read(scope: Message, receive: Receive) -> Call:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Call(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        body=body,
        headers={
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        },
    )
