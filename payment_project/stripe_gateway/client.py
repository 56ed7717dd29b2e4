"""The one place that calls Stripe, through the official SDK."""

import asyncio
import contextlib
import ssl
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, Final, Literal, Protocol, TypeVar

from django.conf import settings

from payment_project.stripe_gateway.errors import translated
from payment_project.stripe_gateway.limits import forget_gate, gate_of
from payment_project.stripe_gateway.sdk import aiohttp, stripe

T = TypeVar("T")

TIMEOUT: Final = 20.0
"""Seconds for one attempt; the SDK's default is 80."""

NETWORK_RETRIES: Final = 2
"""By the SDK, with the same idempotency key; its default is none. What fails after that waits in
its lane."""


async def request(
    method: Literal["get", "post", "delete"],
    path: str,
    params: Mapping[str, Any],
    *,
    idempotency_key: str | None = None,
) -> dict[str, Any]:
    """Call Stripe and return the object as its JSON has it.

    A POST needs an idempotency key made from the event and the step: the SDK's own is random, and
    would charge twice when the event is handled twice. The SDK's typed objects are left out: making
    them of the answer costs more CPU than the whole call (docs/decisions/0004).

    Raises:
        CardError: the card was declined.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    options = {"idempotency_key": idempotency_key} if idempotency_key else {}
    with translated():
        response = await _client_of(asyncio.get_running_loop()).raw_request_async(
            method, path, **params, **options
        )
    return dict(response.data)


class Finish(Protocol):
    """Awaits, from where no event loop runs."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T: ...


@contextlib.contextmanager
def calls_from_here() -> Iterator[Finish]:
    """Call Stripe where no event loop runs: in a command, or in a task of beat's."""
    with asyncio.Runner() as runner:
        try:
            yield runner.run
        finally:
            runner.run(close())


async def close() -> None:
    """Close the connections that the running loop has to Stripe and to the limits' Valkey."""
    loop = asyncio.get_running_loop()
    if client := _clients.pop(loop, None):
        http_client: Any = client._requestor._client  # noqa: SLF001 - the SDK closes only its own
        await http_client.close_async()
    if gate := forget_gate(loop):
        await gate.close()


_clients: "Final[dict[asyncio.AbstractEventLoop, stripe.StripeClient]]" = {}


def _client_of(loop: asyncio.AbstractEventLoop) -> "stripe.StripeClient":
    if loop not in _clients:
        _clients[loop] = _new_client(loop)
    return _clients[loop]


def _new_client(loop: asyncio.AbstractEventLoop) -> "stripe.StripeClient":
    # It is the first that needs the SDK in whole.
    from payment_project.stripe_gateway.http_client import GatedHTTPClient  # noqa: PLC0415

    tls = ssl.create_default_context(cafile=stripe.ca_bundle_path)
    # aiohttp's own limit of 100 connections would cap the calls in flight: the worker has a limit.
    connector = aiohttp.TCPConnector(limit=0, ssl=tls)
    base = settings.STRIPE_API_BASE
    return stripe.StripeClient(
        settings.STRIPE_API_KEY,
        base_addresses={"api": base} if base else None,
        max_network_retries=NETWORK_RETRIES,
        http_client=GatedHTTPClient(gate_of(loop), timeout=TIMEOUT, connector=connector),
    )
