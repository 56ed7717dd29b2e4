"""Payments that wait too long, and requests that operators give up."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from kafka_bridge import database, dead_letters
from kafka_bridge.contracts import PaymentUpdateRequested
from kafka_bridge.models import InboxEvent
from payment_project.celery import app
from payment_project.payments import services
from payment_project.payments.models import Payment
from payment_project.payments.tasks import ask_about_overdue
from payment_project.subscriptions.models import Subscription
from tests.payment.conftest import asked, published, requested, updates
from tests.payment.subscribing import change_requested

pytestmark = pytest.mark.django_db(transaction=True)


def pass_deadlines():
    Payment.objects.update(deadline_at=F("deadline_at") - timedelta(days=7))


def asked_for():
    return [event for event in published() if isinstance(event, PaymentUpdateRequested)]


@pytest.fixture
def fast_clock(monkeypatch):
    """This process' clock is two days fast."""
    ahead = timezone.now() + timedelta(days=2)
    monkeypatch.setattr(timezone, "now", lambda: ahead)


def test_beat_asks():
    tasks = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    app.loader.import_default_modules()

    assert ask_about_overdue.name in tasks <= set(app.tasks)


class TestDeadlines:
    @pytest.mark.parametrize(
        ("request_of", "until"),
        [
            ({"payment_method": "pm_card_threeDSecure2Required"}, ("requires_action", 1 / 48)),
            ({"payment_method": "pm_card_visa_chargeDeclined"}, ("requires_payment_method", 1)),
            ({"options": {"capture_method": "manual"}}, ("requires_capture", 6)),
        ],
    )
    def test_what_waits_too_long_is_canceled(self, handle, at_stripe, paid, request_of, until):
        status, days = until
        payment = paid(**request_of)
        assert payment.status == status
        assert payment.deadline_at - payment.created_at == timedelta(days=days)

        ask_about_overdue()
        assert asked_for() == []
        pass_deadlines()
        ask_about_overdue()
        ask_about_overdue()
        (request,) = asked_for()
        handle(request)

        payment.refresh_from_db()
        assert (payment.status, payment.deadline_at) == ("canceled", None)
        assert updates()[-1].status == "canceled"
        intent = at_stripe.payment_intent(payment.payment_intent_id)
        assert intent["cancellation_reason"] == "abandoned"

    @pytest.mark.parametrize("payment_method", ["pm_card_visa", "pm_nonsense"])
    def test_what_is_final_has_none(self, paid, payment_method):
        assert paid(payment_method).deadline_at is None

    def test_customer_who_came_in_the_last_moment_has_paid(self, handle, at_stripe, paid):
        payment = paid("pm_card_threeDSecure2Required", options={"capture_method": "manual"})
        pass_deadlines()
        services.ask_about_overdue()
        at_stripe.command(f"intents/{payment.payment_intent_id}/authenticate")

        handle(asked("confirm", payment), *asked_for())

        payment.refresh_from_db()
        assert payment.status == "requires_capture"
        assert payment.deadline_at > timezone.now() + timedelta(days=5)

    def test_a_new_status_has_a_new_deadline(self, handle, at_stripe, paid):
        payment = paid("pm_card_threeDSecure2Required")
        at_stripe.command(f"intents/{payment.payment_intent_id}/authenticate", outcome="failed")

        handle(asked("refresh", payment))

        payment.refresh_from_db()
        assert payment.status == "requires_payment_method"
        assert payment.deadline_at > timezone.now() + timedelta(hours=23)

    def test_what_is_processing_is_looked_at_and_waited_for_again(self, handle, at_stripe, paid):
        at_stripe.faults({"match": "POST /v1/payment_intents$", "action": "processing", "times": 1})
        payment = paid()
        assert payment.status == "processing"

        for _ in range(2):
            pass_deadlines()
            services.ask_about_overdue()
        at_stripe.command(f"intents/{payment.payment_intent_id}/finish_processing")
        first, second = asked_for()
        handle(first, second)

        assert {first.action, second.action} == {"refresh"}
        assert first.event_id != second.event_id
        (told,) = updates()
        assert (told.status, told.amount_captured) == ("succeeded", 1999)

    def test_a_fast_clock_gives_nothing_up(self, paid, fast_clock):
        payment = paid(payment_method="pm_card_threeDSecure2Required")

        ask_about_overdue()

        assert asked_for() == []
        assert payment.deadline_at < database.now() + timedelta(hours=1)


def dead_letter(event):
    return InboxEvent.objects.create(
        event_id=event.event_id,
        topic=event.topic,
        partition=0,
        offset=0,
        key=event.customer_id,
        value=event.to_json(),
        headers={},
        correlation_id=event.correlation_id,
        received_at=timezone.now(),
        dead_at=timezone.now(),
    )


class TestDiscarded:
    @pytest.fixture
    def dead(self):
        return dead_letter(requested())

    @pytest.fixture
    def olga(self):
        return User.objects.create(username="olga")

    @pytest.fixture
    def discard(self, dead, olga):
        return lambda: dead_letters.discard([dead], reason="nobody pays that", by=olga)

    def test_what_was_asked_of_a_payment_is_told_as_not_done(self, paid, olga):
        payment = paid()
        request = asked("refund", payment, amount=5)

        dead_letters.discard([dead_letter(request)], reason="a test order", by=olga)

        told = updates()[-1]
        assert (told.causation_id, told.error_code) == (request.event_id, None)
        assert (told.status, told.revision) == ("succeeded", payment.revision + 1)
        (refund,) = told.refunds
        assert (refund.refund_id, refund.amount, refund.status) == (request.event_id, 5, "failed")
        assert told.amount_refunded == 0
        assert published()[-1].revision == told.revision

    def test_a_refund_that_was_made_all_the_same_is_told_as_made(self, handle, paid, olga):
        payment = paid()
        request = asked("refund", payment, amount=5)
        handle(request)

        dead_letters.discard([dead_letter(request)], reason="a test order", by=olga)

        told = updates()[-1]
        assert [(refund.status, refund.error) for refund in told.refunds] == [("succeeded", None)]
        assert told.amount_refunded == 5

    @pytest.mark.parametrize(
        ("made", "action", "code"),
        [
            ({"options": {"capture_method": "manual"}}, "capture", "discarded"),
            ({}, "capture", None),
            ({"payment_method": "pm_card_threeDSecure2Required"}, "confirm", "discarded"),
            ({}, "confirm", None),
            ({"payment_method": "pm_card_visa_chargeDeclined"}, "confirm", "card_declined"),
        ],
    )
    def test_what_keeps_a_payment_is_not_hidden(self, paid, olga, made, action, code):
        payment = paid(**made)
        request = asked(action, payment)

        dead_letters.discard([dead_letter(request)], reason="a test order", by=olga)

        told = updates()[-1]
        assert (told.causation_id, told.error_code) == (request.event_id, code)
        assert (told.status, told.next_action) == (payment.status, payment.next_action)

    def test_a_refund_of_what_is_left_where_nothing_is(self, handle, paid, olga):
        payment = paid()
        handle(asked("refund", payment))
        request = asked("refund", payment)

        dead_letters.discard([dead_letter(request)], reason="a test order", by=olga)

        assert [refund.status for refund in updates()[-1].refunds] == ["succeeded", "failed"]

    def test_what_a_deadline_asked_is_asked_again(self, paid, olga):
        payment = paid(options={"capture_method": "manual"})
        pass_deadlines()
        ask_about_overdue()
        (request,) = asked_for()

        dead_letters.discard([dead_letter(request)], reason="a bug of ours", by=olga)

        assert updates()[-1].error_code is None
        payment.refresh_from_db()
        assert payment.deadline_at is not None

    @pytest.mark.parametrize(
        ("card", "context", "is_told"),
        [
            ("pm_card_visa", {}, True),
            ("pm_card_threeDSecure2Required", {}, False),
            ("pm_card_threeDSecure2Required", {"trial_days": 7}, False),
        ],
    )
    def test_what_was_asked_of_a_subscription(self, subscribed, olga, card, context, is_told):
        row = subscribed(card, context=context)
        Subscription.objects.update(ending_asked_at=timezone.now())
        request = change_requested("cancel", row)
        before = len(published())

        dead_letters.discard([dead_letter(request)], reason="a test order", by=olga)

        told = [(one.causation_id, one.refused) for one in published()[before:]]
        assert told == [(request.event_id, "This was given up.")] * is_told
        row.refresh_from_db()
        assert row.ending_asked_at is None

    def test_of_another_customers_payment_nothing_is_told(self, paid, olga):
        request = asked("capture", paid(), customer_id="somebody else")

        dead_letters.discard([dead_letter(request)], reason="a test order", by=olga)

        assert updates() == []

    def test_request_is_told_as_failed(self, dead, discard):
        discard()

        answered, measured = published()
        assert (answered.status, answered.success) == ("failed", False)
        assert answered.error_code == measured.error_code == "discarded"
        assert answered.causation_id == dead.event_id
        assert Payment.objects.get().status == "failed"

    def test_request_that_was_answered_stays_answered(self, handle, dead, discard):
        handle(dead_letters._readable_event(dead))
        told = len(published())

        discard()

        assert len(published()) == told
        assert Payment.objects.get().status == "succeeded"

    def test_should_stripe_have_charged_it_the_customer_is_told(
        self, handle, charge, at_stripe, dead, discard
    ):
        state = charge(dead_letters._readable_event(dead))
        discard()
        payment = Payment.objects.get()

        handle(asked("refresh", payment, payment_intent_id=state.payment_intent_id))

        (told,) = updates()
        assert (told.status, told.revision, told.error_code) == ("succeeded", 2, None)
