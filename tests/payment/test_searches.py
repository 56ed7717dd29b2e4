"""Looking at Stripe for what an earlier attempt may have made, among much else."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from kafka_bridge.errors import TryLater
from kafka_bridge.handlers import Delivery, delivered
from payment_project.stripe_gateway import lists
from payment_project.stripe_gateway.lists import find_made
from tests.at_stripe import Clock

LISTED = "^GET /v1/charges$"
LATER = 350


class Made:
    """A charge that was asked for yesterday, and those that were made since: a clock dates them."""

    def __init__(self, at_stripe, *, after=0):
        self._at_stripe = at_stripe
        self._clock = Clock(at_stripe, days_ago=1)
        self._customer = self._clock.customer(f"customer-{uuid4()}")
        self.asked_at = datetime.fromtimestamp(self._clock.now, UTC)
        self.payment_id = str(uuid4())
        self._clock.advance(seconds=after + 1)
        self.id = self._charge(self.payment_id)
        self._clock.advance(seconds=7200)
        for number in range(LATER):
            self._charge(f"{self.payment_id}-{number}")

    def _charge(self, payment_id):
        intent = self._at_stripe.post(
            "/v1/payment_intents", amount=1999, currency="eur", customer=self._customer,
            payment_method="pm_card_visa", confirm="true",
            **{"allowed_payment_method_types[]": "card", "metadata[payment_id]": payment_id},
        )  # fmt: skip
        return intent["latest_charge"]


@pytest.fixture
def find(run, at_stripe):
    """Look for what was made, for an event that came at that time."""

    def find(payment_id, *, since):
        async def find():
            age = datetime.now(UTC) - since
            with delivered(Delivery(received_at=since, attempts=3, age=age)):
                return await find_made("/v1/charges", {"payment_id": payment_id})

        return run(find())

    return find


@pytest.fixture
def calls(at_stripe):
    """Count from now on how often charges are listed."""
    at_stripe.faults({"match": LISTED, "action": "latency", "seconds": 0})
    return lambda: at_stripe.looks()[0]


@pytest.mark.parametrize(("after", "at_most"), [(0, 1), (600, 6)])
def test_what_was_made_soon_is_found_before_what_was_made_since(
    find, at_stripe, calls, after, at_most
):
    made = Made(at_stripe, after=after)

    found = find(made.payment_id, since=made.asked_at)

    assert found["id"] == made.id
    assert calls() <= at_most


def test_what_was_made_by_an_earlier_clock_is_found(find, at_stripe):
    made = Made(at_stripe)

    assert find(made.payment_id, since=made.asked_at + timedelta(seconds=290))["id"] == made.id


def test_what_is_nowhere_is_looked_for_from_where_the_last_attempt_came_to(
    find, at_stripe, calls, monkeypatch
):
    made, nowhere = Made(at_stripe), str(uuid4())
    monkeypatch.setattr(lists, "_AT_ONCE", 0)  # a page, and it is over

    def attempt():
        try:
            return find(nowhere, since=made.asked_at)
        except TryLater as later:
            return str(later)

    said = list(itertools.takewhile(bool, (attempt() for _ in range(1000))))

    assert len(said) > LATER / 100
    assert all("still looking" in one for one in said)
    before = calls()
    assert attempt() is None
    assert calls() - before < len(said)
