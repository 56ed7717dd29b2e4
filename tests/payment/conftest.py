import asyncio
import contextvars
import itertools
import uuid

import orjson
import pytest
import requests
import stripe
from django.db import connections, transaction

from kafka_bridge import inbox
from kafka_bridge.contracts import (
    CardPaymentRequested,
    CustomerInfo,
    PaymentOptions,
    PaymentStatusUpdated,
    PaymentUpdateRequested,
    SubscriptionPaymentUpdated,
    SubscriptionStatusUpdated,
    Topic,
    WebhookProcessed,
    WebhookReceived,
    decode,
)
from kafka_bridge.database import close_reader
from kafka_bridge.handlers import Answered, handler_of
from kafka_bridge.models import OutboxEvent
from kafka_bridge.records import Record
from kafka_bridge.worker import LaneWorker
from payment_project.customers.models import StripeCustomer
from payment_project.payments import handlers
from payment_project.payments.models import Payment
from payment_project.stripe_gateway import client
from payment_project.stripe_gateway.payment_intents import create_payment_intent
from payment_project.subscriptions.models import Subscription
from tests.at_stripe import AtStripe
from tests.payment.news import News
from tests.payment.subscribing import Clock, change_requested, setup_requested

RETURN_URL = "https://shop.example/back?order=7"
WEBHOOK_SECRET = "whsec_of_the_test"

_offsets = itertools.count()


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


def asked(action, payment, **fields):
    """What somebody asks of a payment."""
    return PaymentUpdateRequested(
        **{
            "correlation_id": payment.correlation_id,
            "customer_id": payment.customer_id,
            "payment_id": payment.id,
            "payment_intent_id": payment.payment_intent_id,
            "action": action,
            **fields,
        }
    )


def received(webhook_event, *, customer_id, secret=WEBHOOK_SECRET, signed_at=None, **fields):
    """A webhook as the edge passes it on."""
    body = orjson.dumps(webhook_event).decode()
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, signed_at)
    return WebhookReceived(
        **{
            "event_type": Topic.STRIPE_WEBHOOK_RECEIVED,
            "customer_id": customer_id,
            "raw_payload": body,
            "signature": signature,
            "webhook_event": webhook_event,
            **fields,
        }
    )


def processed():
    """What was told of webhooks."""
    return [event for event in published() if isinstance(event, WebhookProcessed)]


def take_in(*events):
    """Receive events from Kafka."""
    inbox.receive(
        [
            Record(event.topic, 0, next(_offsets), event.customer_id.encode(), event.to_json(), {})
            for event in events
        ]
    )


def updates():
    """What was told of payments after their first answer."""
    return [event for event in published() if isinstance(event, PaymentStatusUpdated)]


def subscription_updates():
    """What was told of subscriptions' states."""
    return [event for event in published() if isinstance(event, SubscriptionStatusUpdated)]


def invoice_updates():
    """What was told of subscriptions' invoices."""
    return [event for event in published() if isinstance(event, SubscriptionPaymentUpdated)]


def published():
    """The events in the outbox, in order."""
    return [
        decode(bytes(row.value), topic=row.topic, partition=0, offset=0)
        for row in OutboxEvent.objects.order_by("id")
    ]


class StripeEmulator(AtStripe):
    """What happened at the emulator that the service under test talks to, and what is to happen."""

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
        return self.get(f"/v1/payment_intents/{payment_intent_id}")

    def command(self, path, **params):
        response = requests.post(f"{self._url}/_emulator/{path}", json=params, timeout=5)
        response.raise_for_status()
        return response.json()

    def counts(self):
        response = requests.get(f"{self._url}/_emulator/counts", timeout=5)
        response.raise_for_status()
        return response.json()

    def count_looks(self, *object_ids):
        """Count from now on how often each of these objects is fetched."""
        match = [f"^GET /v1/[a-z_]+/{object_id}$" for object_id in object_ids]
        self.faults(*({"match": one, "action": "latency", "seconds": 0.02} for one in match))

    def looks(self):
        """Return how often each object was fetched since `count_looks`."""
        response = requests.get(f"{self._url}/_emulator/faults", timeout=5)
        response.raise_for_status()
        return [fault["hits"] for fault in response.json()]

    def forget_keys(self):
        requests.delete(f"{self._url}/_emulator/idempotency_keys", timeout=5).raise_for_status()

    def dispute(self, payment):
        charge = self.payment_intent(payment.payment_intent_id)["latest_charge"]
        return self.command(f"charges/{charge}/dispute")

    def events_of(self, payment):
        """The webhooks that Stripe sends of a payment, the oldest first."""
        events = self.get("/v1/events", limit=100)["data"]
        return [
            event
            for event in reversed(events)
            if payment.payment_intent_id
            in (event["data"]["object"]["id"], event["data"]["object"].get("payment_intent"))
        ]


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
        yield lambda call: runner.run(call, context=contextvars.copy_context())
        runner.run(client.close())


@pytest.fixture
def charge(run):
    """Make the call to Stripe that a request asks for."""
    return lambda event: run(create_payment_intent(event))


@pytest.fixture
def handle(run, settings):
    """Handle events as the bridge does: one after the other, the effects in a transaction."""
    settings.STRIPE_WEBHOOK_SECRETS = [WEBHOOK_SECRET]
    settings.WEBHOOK_READ_INTERVAL = 0

    def handle(*events):
        for event in events:
            handler = handler_of(type(event))
            answer = run(handler.call(event))
            with transaction.atomic():
                handler.record([Answered(event, answer)])

    yield handle
    close_reader()


@pytest.fixture
def worker():
    """Work lanes as a process of Celery's does."""
    worker = LaneWorker()
    yield worker
    worker.stop()
    asyncio.run_coroutine_threadsafe(client.close(), worker._loop).result()
    # The database of the tests can be dropped only when the worker's threads have let go of it.
    for thread in (worker._claiming, worker._settling):
        thread.submit(connections.close_all).result()
    close_reader()


@pytest.fixture
def paid(handle):
    """Handle a request to pay, and return its payment."""

    def paid(*arguments, **fields):
        event = requested(*arguments, **fields)
        handle(event)
        return Payment.objects.get(id=event.payment_id)

    return paid


@pytest.fixture
def news(at_stripe, handle, paid):
    return News(at_stripe, handle, paid)


@pytest.fixture
def clock(at_stripe):
    return Clock(at_stripe)


@pytest.fixture
def subscribed(handle, clock):
    """Subscribe a customer on the clock, and return the subscription."""

    def subscribed(*arguments, **fields):
        event = setup_requested(*arguments, **fields)
        if not StripeCustomer.objects.filter(customer_id=event.customer_id).exists():
            clock.customer(event.customer_id)
        handle(event)
        return Subscription.objects.get(request_event_id=event.event_id)

    return subscribed


@pytest.fixture
def change(handle):
    """Ask for a change, and return what was told of the subscription last."""

    def change(action, subscription, **fields):
        handle(change_requested(action, subscription, **fields))
        return subscription_updates()[-1]

    return change
