"""Turns: an object is fetched at most once a second, whoever tells of it, in whatever lane."""

import asyncio
import itertools
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from devstack.waiting import wait_until
from kafka_bridge import database, retention
from kafka_bridge.contracts import Topic
from kafka_bridge.errors import TryLater
from kafka_bridge.models import InboxEvent, OutboxEvent
from payment_project.turns.models import ObjectRead
from payment_project.turns.services import Read, once
from payment_project.webhooks.models import WebhookEvent
from tests.payment.conftest import (
    WEBHOOK_SECRET,
    processed,
    published,
    received,
    take_in,
)
from tests.payment.subscribing import setup_requested

pytestmark = pytest.mark.django_db(transaction=True)

FOR_US = (Topic.STRIPE_PAYMENT_UPDATE, Topic.STRIPE_SUBSCRIPTION_UPDATE)


@pytest.fixture
def work(handle, worker, settings):
    """Work off what comes at once, and what is passed on, as lanes do; return the seconds."""
    settings.STRIPE_WEBHOOK_SECRETS = [WEBHOOK_SECRET]
    settings.WEBHOOK_READ_INTERVAL = 1.0

    def is_done():
        worker.drain()
        return not InboxEvent.objects.filter(handled_at=None).exists()

    def work(*events):
        before = OutboxEvent.objects.count()
        began = time.monotonic()
        while events:
            take_in(*events)
            wait_until(is_done, what="the lanes", seconds=30)
            passed_on = [event for event in published()[before:] if event.topic in FOR_US]
            before = OutboxEvent.objects.count()
            events = passed_on
        return time.monotonic() - began

    return work


@pytest.fixture
def rendered():
    """What is otherwise in the webhooks of another API version."""
    return {}


@pytest.fixture
def refund(at_stripe, rendered):
    """Refund some of a payment at Stripe, and return the webhooks of that."""

    def refund(payment, *amounts):
        before = len(at_stripe.events_of(payment))
        for amount in amounts:
            at_stripe.post("/v1/refunds", payment_intent=payment.payment_intent_id, amount=amount)
        told = at_stripe.events_of(payment)[before:]
        return [event | rendered for event in told if "refund" in event["type"]]

    return refund


def outcomes():
    return [(event.outcome, event.reason) for event in processed()]


def most_in(seconds):
    return 1 + int(seconds)


STALE = ("stale", "the object was read after this came")


class TestBurst:
    @pytest.fixture(params=[{}, {"api_version": "2024-06-20"}], ids=["ours", "older"])
    def rendered(self, request):
        return request.param

    def test_in_its_own_lane_is_read_once(self, work, at_stripe, paid, refund):
        payment = paid()
        events = refund(payment, 100, 200, 300)
        at_stripe.count_looks(payment.payment_intent_id)

        work(*[received(event, customer_id=payment.customer_id) for event in events])

        assert at_stripe.looks() == [1]
        assert outcomes() == [("applied", None)] + [STALE] * (len(events) - 1)
        payment.refresh_from_db()
        assert payment.amount_refunded == 600

    @pytest.mark.parametrize("lanes", [2, 100])
    def test_in_other_lanes_is_read_once_a_second(self, work, at_stripe, paid, refund, lanes):
        payment = paid()
        events = refund(payment, 100, 200, 300)
        at_stripe.count_looks(payment.payment_intent_id)

        seconds = work(
            *[
                received(event, customer_id=f"cus_{number % lanes}")
                for number, event in enumerate(events)
            ]
        )

        (looks,) = at_stripe.looks()
        assert 2 <= looks <= most_in(seconds)
        assert {outcome for outcome, _ in outcomes()} == {"applied", "stale"}
        payment.refresh_from_db()
        assert payment.amount_refunded == 600

    def test_of_somebody_elses_is_read_once_a_second(self, work, at_stripe, refund):
        made = at_stripe.post(
            "/v1/payment_intents", amount=500, currency="eur", confirm="true",
            payment_method="pm_card_visa", **{"allowed_payment_method_types[]": "card"},
        )  # fmt: skip
        theirs = type("Payment", (), {"payment_intent_id": made["id"]})
        events = refund(theirs, 100, 200)
        at_stripe.count_looks(made["id"])

        seconds = work(*[received(event, customer_id=event["id"]) for event in events])

        (looks,) = at_stripe.looks()
        assert 1 <= looks <= most_in(seconds)
        assert looks < len(events)
        assert {outcome for outcome, _ in outcomes()} == {"ignored", "stale"}

    def test_of_a_subscription_and_its_invoice(self, work, handle, at_stripe, rendered):
        request = setup_requested()
        handle(request)
        subscription = at_stripe.get("/v1/subscriptions", limit=1)["data"][0]
        events = [
            event | rendered
            for event in at_stripe.get("/v1/events", limit=30)["data"]
            if event["data"]["object"]["id"] in (subscription["id"], subscription["latest_invoice"])
        ]
        at_stripe.count_looks(subscription["id"], subscription["latest_invoice"])
        lanes = itertools.cycle([request.customer_id, "cus_1"])

        seconds = work(
            *[
                received(one, customer_id=customer_id)
                for one, customer_id in zip(events, lanes, strict=False)
            ]
        )

        assert len(events) > most_in(seconds)
        assert max(at_stripe.looks()) <= most_in(seconds)
        assert min(at_stripe.looks()) >= 1


class TestMoney:
    def test_what_came_after_a_look_began_is_looked_at_again(self, work, at_stripe, paid, refund):
        payment = paid()
        at_stripe.count_looks(payment.payment_intent_id)
        began = time.monotonic()

        for amount in (100, 200):
            work(
                *[
                    received(event, customer_id=payment.customer_id)
                    for event in refund(payment, amount)
                ]
            )

        assert time.monotonic() - began >= 1
        assert at_stripe.looks() == [2]
        payment.refresh_from_db()
        assert payment.amount_refunded == 300

    def test_a_look_that_failed_covers_nobody(self, work, at_stripe, paid, refund):
        payment = paid()
        events = refund(payment, 100)
        path = f"GET /v1/payment_intents/{payment.payment_intent_id}"
        at_stripe.faults({"match": path, "action": "status", "status": 429, "times": 3})

        work(*[received(event, customer_id=event["id"]) for event in events])

        payment.refresh_from_db()
        assert payment.amount_refunded == 100


class TestTurns:
    def test_what_is_final_takes_none(self, work, at_stripe, paid):
        payment = paid()
        (event,) = [
            event
            for event in at_stripe.events_of(payment)
            if event["type"] == "payment_intent.succeeded"
        ]

        work(received(event, customer_id=payment.customer_id))

        assert WebhookEvent.objects.get().outcome == "stale"
        assert not ObjectRead.objects.exists()

    def test_clock_that_was_ahead_holds_nobody_up(self, work, at_stripe, paid, refund):
        payment = paid()
        ahead = database.now() + timedelta(hours=1)
        ObjectRead.objects.create(
            object_id=payment.payment_intent_id, begun_at=ahead, covers_until=ahead
        )

        events = refund(payment, 100)
        work(*[received(event, customer_id=payment.customer_id) for event in events])

        payment.refresh_from_db()
        assert payment.amount_refunded == 100

    def test_who_finds_it_taken_again_and_again_tries_later(self, handle, run, settings):
        settings.WEBHOOK_READ_INTERVAL = 0.2

        async def fetch():
            return "news"

        async def all_at_once():
            looks = [once("pi_1", fetch) for _ in range(20)]
            return await asyncio.gather(*looks, return_exceptions=True)

        began = time.monotonic()
        answers = run(all_at_once())
        seconds = time.monotonic() - began

        moments = sorted(answer.look.at for answer in answers if isinstance(answer, Read))
        later = [answer for answer in answers if isinstance(answer, TryLater)]
        assert len(moments) + len(later) == 20
        assert later
        assert seconds < 5
        between = [after - before for before, after in itertools.pairwise(moments)]
        assert min(between) >= timedelta(seconds=0.2)

    def test_those_of_long_ago_are_forgotten(self, db):
        now = timezone.now()
        for days in (0, 2):
            moment = now - timedelta(days=days)
            ObjectRead.objects.create(object_id=f"pi_{days}", begun_at=moment, covers_until=moment)

        retention.purge()

        assert ObjectRead.objects.get().object_id == "pi_0"
