import asyncio
import uuid

import pytest
import requests
from django.db import transaction

from kafka_bridge.contracts import CardPaymentRequested, CustomerInfo, PaymentOptions, Topic, decode
from kafka_bridge.handlers import Answered
from kafka_bridge.models import OutboxEvent
from payment_project.payments import handlers
from payment_project.stripe_gateway import client
from payment_project.stripe_gateway.payment_intents import create_payment_intent

RETURN_URL = "https://shop.example/back?order=7"


def requested(payment_method="pm_card_visa", *, return_url=RETURN_URL, options=None, **fields):
    """A request to pay, as the customer service makes it."""
    payment_id = uuid.uuid4()
    return CardPaymentRequested(
        **{
            "event_type": Topic.STRIPE_PAYMENT_REQUEST,
            "correlation_id": payment_id,
            "customer_id": f"customer-{payment_id}",
            "payment_id": payment_id,
            "amount": 1999,
            "currency": "eur",
            "payment_method_id": payment_method,
            "customer_info": CustomerInfo(),
            "payment_options": PaymentOptions(return_url=return_url, **(options or {})),
            "metadata": {},
            **fields,
        }
    )


def record(*charges):
    """Record what Stripe answered, as the bridge has it done: in a transaction."""
    with transaction.atomic():
        handlers.record_charges([Answered(event, state) for event, state in charges])


def published():
    """The events in the outbox, in order."""
    return [
        decode(bytes(row.value), topic=row.topic, partition=0, offset=0)
        for row in OutboxEvent.objects.order_by("id")
    ]


class StripeEmulator:
    """What happened at the emulator that the service under test talks to, and what is to happen."""

    def __init__(self, url, api_key):
        self._url = url
        self._api_key = api_key

    def faults(self, *faults):
        requests.post(f"{self._url}/_emulator/faults", json=faults, timeout=5).raise_for_status()

    def audit(self, event):
        """Count the charges of a request."""
        response = requests.get(
            f"{self._url}/_emulator/audit",
            params={"metadata.payment_id": str(event.payment_id or event.event_id)},
            timeout=5,
        )
        response.raise_for_status()
        return response.json()

    def payment_intent(self, payment_intent_id):
        response = requests.get(
            f"{self._url}/v1/payment_intents/{payment_intent_id}",
            auth=(self._api_key, ""),
            timeout=5,
        )
        response.raise_for_status()
        return response.json()


@pytest.fixture
def at_stripe(settings):
    settings.STRIPE_LIMITS_URL = ""  # what goes wrong in one test is no outage for the next
    emulator = StripeEmulator(settings.STRIPE_API_BASE, settings.STRIPE_API_KEY)
    emulator.faults()
    yield emulator
    emulator.faults()


@pytest.fixture
def run(at_stripe):
    """Run what calls Stripe, on a loop of the test's own."""
    with asyncio.Runner() as runner:
        yield runner.run
        runner.run(_close_client())


@pytest.fixture
def charge(run):
    """Make the call to Stripe that a request asks for."""
    return lambda event: run(create_payment_intent(event))


async def _close_client():
    stripe_client = client._client_of(asyncio.get_running_loop())
    await stripe_client._requestor._client.close_async()
