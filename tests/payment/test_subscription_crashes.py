"""Killed between any two calls to Stripe, what was asked happens once all the same."""

import contextlib
import itertools
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from kafka_bridge.errors import OutcomeUnknown
from kafka_bridge.handlers import Delivery, delivered
from payment_project.customers.models import StripeCustomer
from payment_project.stripe_gateway import client
from payment_project.subscriptions.models import Invoice, Subscription
from tests.payment.conftest import published
from tests.payment.subscribing import PRO, TEAM, change_requested, setup_requested

pytestmark = pytest.mark.django_db(transaction=True)

MADE = (
    *("customer", "product", "price", "subscription", "invoice", "invoiceitem"),
    *("payment_intent", "setup_intent", "charge"),
)
UNKNOWN = ("drop_after", "status_after")
"""An answer lost; and a 500 in its place, which Stripe repeats for the key of a POST."""

A_DAY_LATER = Delivery(timezone.now(), attempts=12, age=timedelta(days=1))


@pytest.fixture
def crash(handle, at_stripe, monkeypatch):
    """Handle an event, killed at its first call to Stripe; a new one, killed at its second; and on.

    Each is handled again after that. Returns what each made at Stripe.
    """
    monkeypatch.setattr(client, "NETWORK_RETRIES", 0)

    def crash(new_event, *, when="drop_after", again=contextlib.nullcontext):
        rounds = []
        for calls in itertools.count():
            event, before = new_event(), at_stripe.counts()
            # A connection that is cut during a GET is replaced at once, so it is cut again.
            fault = {"match": "^[A-Z]+ /v1/", "action": when, "skip": calls, "times": 2}
            if when == "status_after":
                fault["status"] = 500
            at_stripe.faults(fault)
            try:
                handle(event)
            except OutcomeUnknown:
                at_stripe.faults()
            else:
                break
            with again():
                handle(event)
            after = at_stripe.counts()
            rounds.append({kind: after.get(kind, 0) - before.get(kind, 0) for kind in MADE})
        return rounds

    return crash


def plan_of_its_own():
    return {"subscription_plan_id": f"plan-{uuid4()}", "plan_info": PRO}


def all_equal(rounds):
    return all(made == rounds[0] for made in rounds)


class TestSetup:
    @pytest.mark.parametrize("when", ["drop_before", *UNKNOWN])
    @pytest.mark.parametrize("context", [{}, {"trial_days": 14}])
    def test_makes_one_of_each(self, crash, when, context):
        rounds = crash(lambda: setup_requested(context=context, **plan_of_its_own()), when=when)

        assert len(rounds) >= 9
        assert all_equal(rounds)
        made = rounds[0]
        assert made["customer"] == made["product"] == made["price"] == 1
        assert made["subscription"] == made["invoice"] == 1
        assert made["charge"] == made["payment_intent"] == (0 if context else 1)
        assert made["setup_intent"] == (1 if context else 0)
        assert StripeCustomer.objects.count() == len(rounds) + 1
        assert Subscription.objects.count() == Invoice.objects.count() == len(rounds) + 1
        status = "trialing" if context else "active"
        assert {row.status for row in Subscription.objects.all()} == {status}

    def test_makes_one_of_each_though_stripe_forgot_its_keys(self, crash, at_stripe):
        @contextlib.contextmanager
        def a_day_later():
            at_stripe.forget_keys()
            with delivered(A_DAY_LATER):
                yield

        rounds = crash(lambda: setup_requested(**plan_of_its_own()), again=a_day_later)

        assert len(rounds) >= 9
        assert all_equal(rounds)
        assert rounds[0]["charge"] == rounds[0]["subscription"] == rounds[0]["price"] == 1

    def test_second_subscription_of_a_customer(self, handle, crash):
        """Their card is Stripe's default by then, and this one is another."""
        first = setup_requested()
        handle(first)

        rounds = crash(lambda: setup_requested("pm_card_mastercard", customer_id=first.customer_id))

        assert all_equal(rounds)
        assert rounds[0]["charge"] == rounds[0]["subscription"] == rounds[0]["invoice"] == 1
        assert {row.status for row in Subscription.objects.all()} == {"active"}


class TestChanges:
    @pytest.fixture
    def changed(self, handle, crash):
        """Crash while each of many subscriptions is changed; return what it made and its state."""

        def changed(action, when="drop_after", *, setup="pm_card_visa", to=dict, **fields):
            ids = []

            def new_event():
                event = setup_requested(setup)
                handle(event)
                row = Subscription.objects.get(request_event_id=event.event_id)
                ids.append(row.id)
                return change_requested(action, row, **fields, **to())

            rounds = crash(new_event, when=when)
            assert rounds
            assert all_equal(rounds)
            return rounds[0], Subscription.objects.filter(id__in=ids)

        return changed

    @pytest.mark.parametrize("when", UNKNOWN)
    def test_plan_is_changed_and_invoiced_once(self, changed, when):
        made, rows = changed(
            "change_plan",
            when,
            to=lambda: {**plan_of_its_own(), "plan_info": TEAM},
            quantity=2,
        )

        assert made["price"] == 1
        assert (made["charge"], made["invoice"], made["invoiceitem"]) == (1, 1, 2)
        assert {(row.amount, row.quantity) for row in rows} == {(4900, 2)}

    @pytest.mark.parametrize("when", UNKNOWN)
    def test_card_is_changed_and_pays_once(self, changed, when):
        card = {"setup": "pm_card_chargeDeclined", "payment_method_id": "pm_card_mastercard"}
        made, rows = changed("change_card", when, **card)

        assert (made["charge"], made["setup_intent"], made["invoice"]) == (1, 1, 0)
        assert {(row.status, row.card["brand"]) for row in rows} == {("active", "mastercard")}

    @pytest.mark.parametrize("when", UNKNOWN)
    def test_open_invoice_is_paid_once(self, changed, at_stripe, when):
        def card():
            visa = {"type": "card", "card[token]": "tok_visa"}
            return {"payment_method_id": at_stripe.post("/v1/payment_methods", **visa)["id"]}

        made, rows = changed("pay", when, setup="pm_card_chargeDeclined", to=card)

        assert (made["charge"], made["invoice"]) == (1, 0)
        assert {row.status for row in rows} == {"active"}

    @pytest.mark.parametrize(
        ("action", "fields", "state"),
        [
            ("cancel", {}, {"status": "canceled"}),
            ("cancel", {"at_period_end": True}, {"cancel_at_period_end": True}),
            ("pause", {}, {"paused": True}),
        ],
    )
    def test_ends_where_it_should(self, changed, action, fields, state):
        made, rows = changed(action, **fields)

        assert set(made.values()) == {0}
        assert all(getattr(row, name) == value for row in rows for name, value in state.items())

    def test_all_is_told_once(self, changed):
        changed("cancel")

        told = [
            (event.subscription_id, event.revision)
            for event in published()
            if event.topic == "subscription.status.updated"
        ]
        assert len(told) == len(set(told)) == 2 * Subscription.objects.count()
