"""The worker and the gate together: what waits for Stripe waits in its lane."""

import threading
import uuid

import pytest

from devstack.stripe_emulator.process import EmulatorProcess
from devstack.waiting import wait_until
from kafka_bridge.contracts import CardPaymentRequested
from kafka_bridge.contracts.payments import CustomerInfo
from kafka_bridge.models import InboxEvent, Lane
from kafka_bridge.testing import make_lanes_due
from payment_project.payments.models import Payment
from payment_project.stripe_gateway import limit_state, shared_state
from tests.payment.conftest import take_in

pytestmark = pytest.mark.django_db(transaction=True)

PAYMENTS = "POST /v1/payment_intents$"


@pytest.fixture(scope="module")
def emulator():
    with EmulatorProcess() as emulator:
        yield emulator


@pytest.fixture
def stripe_emulator(emulator, settings, monkeypatch):
    """An emulator of the test's own, and limits of its own."""
    settings.STRIPE_API_BASE = emulator.url
    key = f"stripe_limits:test:{uuid.uuid4()}"
    monkeypatch.setattr(shared_state.SharedState.__init__, "__kwdefaults__", {"key": key})
    yield emulator
    emulator.faults()


def request_payments(number):
    """Store requests of as many customers, and return their event ids in order."""
    events = [
        CardPaymentRequested(
            event_type=CardPaymentRequested.topic,
            customer_info=CustomerInfo(),
            metadata={},
            customer_id=f"customer-{number:03}",
            payment_method_id="pm_card_visa",
            amount=1000,
            currency="eur",
        )
        for number in range(number)
    ]
    take_in(*events)
    return [event.event_id for event in events]


def test_only_what_soon_has_its_turn_is_claimed(stripe_emulator, settings, worker):
    settings.STRIPE_RATE_LIMIT, settings.STRIPE_ENDPOINT_RATE_LIMIT = 100, 20
    requested = request_payments(80)
    draining = threading.Thread(target=worker.drain)
    draining.start()
    leased = []
    while draining.is_alive():
        leased.append(Lane.objects.exclude(lease=None).count())
        draining.join(0.05)

    assert max(leased) <= 55  # two seconds' work, and what is under way; not all 80
    handled = InboxEvent.objects.order_by("handled_at", "id").values_list("event_id", flat=True)
    places = [abs(requested.index(event_id) - place) for place, event_id in enumerate(handled)]
    assert max(places) < 20  # first come, first served, but for calls that overtake
    assert Payment.objects.filter(status="succeeded").count() == 80
    assert not Lane.objects.exists()


def test_an_outage_costs_no_attempts_of_those_who_wait(
    stripe_emulator, worker, settings, monkeypatch
):
    monkeypatch.setattr(limit_state, "_FIRST_OPENING", 0.5)
    settings.STRIPE_RATE_LIMIT, settings.STRIPE_ENDPOINT_RATE_LIMIT = 100, 25
    stripe_emulator.faults({"match": PAYMENTS, "action": "drop_before"})
    request_payments(200)

    worker.drain()
    assert InboxEvent.objects.filter(attempts__gt=0).count() <= 40

    stripe_emulator.faults()
    wait_until(lambda: sweep(worker), what="all payments", seconds=60, every=0.1)
    assert Payment.objects.filter(status="succeeded").count() == 200
    assert not InboxEvent.objects.exclude(dead_at=None).exists()


def sweep(worker):
    """Do as beat does, without the waits of lanes. Returns whether all is handled."""
    make_lanes_due()
    worker.drain()
    return not InboxEvent.objects.filter(handled_at=None).exists()
