"""Callers of Stripe, each behind a gate of its own, as a process has it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stripe
from django.conf import settings

from payment_project.stripe_gateway.http_client import GatedHTTPClient
from payment_project.stripe_gateway.limits import Gate
from payment_project.stripe_gateway.rate_limiter import Rates
from payment_project.stripe_gateway.shared_state import SharedState

UNLIMITED = Rates(0, 0)


class Caller:
    def __init__(self, stripe_url, *, key, rates, valkey_url):
        self.shared = SharedState(valkey_url, key=key)
        self.gate = Gate(self.shared, rates)
        self._http = GatedHTTPClient(self.gate, timeout=5)
        self._stripe = stripe.StripeClient(
            "sk_test_gated", base_addresses={"api": stripe_url}, http_client=self._http
        )

    async def pay(self, *, payment_method="pm_card_visa"):
        """Charge a card through the SDK, and return the PaymentIntent."""
        response = await self._stripe.raw_request_async(
            "post",
            "/v1/payment_intents",
            amount=1000,
            currency="eur",
            payment_method=payment_method,
            confirm=True,
            allowed_payment_method_types=["card"],
            idempotency_key=str(uuid.uuid4()),
        )
        return response.data

    async def look(self, payment_intent):
        """Ask the SDK for a PaymentIntent."""
        await self._stripe.raw_request_async("get", f"/v1/payment_intents/{payment_intent}")

    async def close(self):
        await self._http.close_async()
        await self.gate.close()


@asynccontextmanager
async def callers(
    stripe_url, *, number=1, key, rates=UNLIMITED, valkey_url=None
) -> AsyncIterator[list[Caller]]:
    """Make callers that share their limits under a key in Valkey."""
    if valkey_url is None:
        valkey_url = settings.STRIPE_LIMITS_URL
    made = [Caller(stripe_url, key=key, rates=rates, valkey_url=valkey_url) for _ in range(number)]
    try:
        yield made
    finally:
        await asyncio.gather(*[caller.close() for caller in made])


async def outcome_of(call):
    """Return what a call answers or raises."""
    (outcome,) = await asyncio.gather(call, return_exceptions=True)
    return outcome


async def eventually(condition):
    """Wait until the condition is true, for five seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody sets an event for what tests look at
            await asyncio.sleep(0.005)


def most_in(seconds, moments):
    """Return the most of these moments that any so many seconds hold."""
    moments = sorted(moments)
    return max(
        (
            sum(began <= other < began + seconds for other in moments[index:])
            for index, began in enumerate(moments)
        ),
        default=0,
    )
