"""The one place that calls Stripe, through the official SDK."""

import asyncio
import functools
import ssl
from collections.abc import Mapping
from typing import Any, Final, Literal

import aiohttp
import stripe
from django.conf import settings

from payment_project.stripe_gateway.errors import translated
from payment_project.stripe_gateway.http_client import GatedHTTPClient
from payment_project.stripe_gateway.limits import gate_of

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


@functools.cache
def _client_of(loop: asyncio.AbstractEventLoop) -> stripe.StripeClient:
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
