import asyncio
import traceback
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kafka_bridge.contracts import (
    CardPaymentAnswered,
    PaymentMeasured,
    PaymentStatus,
    Topic,
    decode,
)
from kafka_bridge.errors import OutcomeUnknown, TryLater
from kafka_bridge.handlers import Delivery, delivered
from kafka_bridge.models import InboxEvent, OutboxEvent
from payment_project.payments.calls import charge as charge_card
from payment_project.payments.models import Payment
from payment_project.stripe_gateway import client
from payment_project.stripe_gateway.errors import NotOfThisPayment, StripeRejected
from payment_project.stripe_gateway.limits import gate_of
from payment_project.stripe_gateway.payment_intents import create_payment_intent
from tests.payment.conftest import RETURN_URL, published, record, requested, take_in

CREATE = "POST /v1/payment_intents$"
LISTED = "^GET /v1/payment_intents$"


@pytest.fixture
def once(monkeypatch):
    """Have the SDK try once, so that what it would make good comes to us."""
    monkeypatch.setattr(client, "NETWORK_RETRIES", 0)


class TestSuccess:
    def test_charges_once_and_says_with_which_card(self, charge, at_stripe):
        event = requested()

        state = charge(event)

        assert state.status == PaymentStatus.SUCCEEDED
        assert (state.card_brand, state.card_country) == ("visa", "US")
        assert state.error_code == state.decline_code == state.error_message == ""
        audit = at_stripe.audit(event)
        assert (audit["charges"], audit["succeeded"]) == (1, 1)
        assert audit["per_currency"]["eur"]["captured"] == 1999

    def test_costs_one_call(self, run, at_stripe):
        async def calls():
            await charge_card(requested())
            return gate_of(asyncio.get_running_loop()).counts.calls

        assert run(calls()) == 1

    def test_sends_stripe_what_the_event_says_and_what_finds_it_again(self, charge, at_stripe):
        event = requested(options={"description": "Order 7"})

        intent = at_stripe.payment_intent(charge(event).payment_intent_id)

        assert (intent["amount"], intent["currency"]) == (1999, "eur")
        assert intent["confirmation_method"] == "manual"
        assert intent["description"] == "Order 7"
        assert intent["payment_method_types"] == ["card"]
        assert intent["metadata"] == {
            "event_id": str(event.event_id),
            "payment_id": str(event.payment_id),
            "customer_id": event.customer_id,
            "correlation_id": str(event.correlation_id),
        }

    def test_authorizes_only_where_capture_is_to_come_later(self, charge, at_stripe):
        event = requested(options={"capture_method": "manual"})

        assert charge(event).status == PaymentStatus.REQUIRES_CAPTURE
        assert at_stripe.audit(event)["per_currency"]["eur"]["captured"] == 0

    @pytest.mark.parametrize(("currency", "amount"), [("jpy", 500), ("kwd", 1230), ("usd", 50)])
    def test_amounts_are_sent_as_they_are(self, charge, at_stripe, currency, amount):
        event = requested(currency=currency, amount=amount)

        charge(event)

        assert at_stripe.audit(event)["per_currency"][currency]["captured"] == amount

    def test_request_of_a_plain_producer_is_known_by_its_event_id(self, charge, at_stripe):
        event = requested(payment_id=None, correlation_id=None, payment_options=None)

        intent = at_stripe.payment_intent(charge(event).payment_intent_id)

        assert intent["metadata"]["payment_id"] == str(event.event_id)
        assert intent["metadata"]["correlation_id"] == str(event.event_id)

    def test_asked_again_it_charges_no_more(self, charge, at_stripe):
        event = requested()

        assert charge(event) == charge(event)
        assert at_stripe.audit(event)["charges"] == 1

    def test_asked_twice_at_once_it_charges_once(self, run, at_stripe):
        event = requested()

        async def twice():
            return await asyncio.gather(create_payment_intent(event), create_payment_intent(event))

        first, second = run(twice())

        assert first == second
        assert at_stripe.audit(event)["charges"] == 1


class TestDecline:
    @pytest.mark.parametrize(
        ("card", "code", "decline_code"),
        [
            ("visa_chargeDeclined", "card_declined", "generic_decline"),
            ("visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
            ("visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
            ("visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
            ("visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
            ("chargeDeclinedExpiredCard", "expired_card", ""),
            ("chargeDeclinedIncorrectCvc", "incorrect_cvc", ""),
            ("chargeDeclinedProcessingError", "processing_error", ""),
            ("chargeCustomerFail", "card_declined", "generic_decline"),
            ("radarBlock", "card_declined", "fraudulent"),
        ],
    )
    def test_is_an_answer_with_its_codes(self, charge, at_stripe, card, code, decline_code):
        event = requested(f"pm_card_{card}")

        state = charge(event)

        assert state.status == PaymentStatus.REQUIRES_PAYMENT_METHOD
        assert (state.error_code, state.decline_code) == (code, decline_code)
        assert state.error_message.startswith(("Your card", "An error"))
        assert state.payment_intent_id.startswith("pi_")
        assert state.card_brand == "visa"
        assert at_stripe.audit(event)["succeeded"] == 0

    def test_asked_again_it_is_the_same_decline(self, charge, at_stripe):
        event = requested("pm_card_visa_chargeDeclined")

        assert charge(event) == charge(event)
        assert at_stripe.audit(event)["failed"] == 1


class TestThreeDSecure:
    @pytest.mark.parametrize("card", ["threeDSecure2Required", "authenticationRequired"])
    def test_with_a_return_url_the_browser_is_sent_to_the_bank(self, charge, at_stripe, card):
        event = requested(f"pm_card_{card}")

        state = charge(event)

        assert state.status == PaymentStatus.REQUIRES_ACTION
        assert state.client_secret.startswith(f"{state.payment_intent_id}_secret_")
        assert state.next_action["type"] == "redirect_to_url"
        assert state.next_action["redirect_to_url"]["return_url"] == RETURN_URL
        assert state.next_action["redirect_to_url"]["url"].startswith("http")
        assert at_stripe.audit(event)["charges"] == 0

    def test_without_one_stripes_script_takes_over(self, charge, at_stripe):
        event = requested("pm_card_threeDSecure2Required", return_url=None)

        state = charge(event)

        assert state.status == PaymentStatus.REQUIRES_ACTION
        assert state.client_secret
        assert state.next_action["type"] == "use_stripe_sdk"
        assert at_stripe.audit(event)["charges"] == 0


class TestRefused:
    @pytest.mark.parametrize("payment_method", ["pm_nonsense", "pm_card_nonsense", "card_x", "é"])
    def test_what_the_customer_gave_fails_the_payment(self, charge, at_stripe, payment_method):
        event = requested(payment_method)

        state = charge(event)

        assert state.status == PaymentStatus.FAILED
        assert state.error_code == "resource_missing"
        assert payment_method in state.error_message
        assert state.payment_intent_id == ""
        assert at_stripe.audit(event)["charges"] == 0

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"amount": 1}, "amount_too_small"),
            ({"amount": 100_000_000}, "amount_too_large"),
            ({"currency": "xxq"}, "invalid_currency"),
        ],
    )
    def test_an_amount_that_cannot_be_charged_fails_the_payment(self, charge, fields, code):
        state = charge(requested(**fields))

        assert state.status == PaymentStatus.FAILED
        assert state.error_code in {code, "invalid_request", "parameter_invalid_integer"}
        assert state.error_message

    def test_the_same_key_with_another_amount_is_another_payment(self, charge, at_stripe):
        event = requested()
        charge(event)

        with pytest.raises(NotOfThisPayment, match="1999 eur"):
            charge(event.model_copy(update={"amount": 2000}))
        assert at_stripe.audit(event)["charges"] == 1

    def test_the_same_key_with_other_parameters_leads_to_what_it_made(self, charge, at_stripe):
        event = requested()
        made = charge(event)

        assert charge(event.model_copy(update={"correlation_id": uuid4()})) == made
        assert at_stripe.audit(event)["charges"] == 1

    def test_the_same_key_with_other_parameters_that_made_nothing_is_our_bug(
        self, charge, at_stripe
    ):
        event = requested("pm_nonsense")
        charge(event)

        with pytest.raises(StripeRejected, match="idempotent"):
            charge(event.model_copy(update={"payment_method_id": "pm_card_visa"}))
        assert at_stripe.audit(event)["charges"] == 0

    def test_a_wrong_key_of_ours_waits_for_a_better_one(self, charge, at_stripe, settings):
        settings.STRIPE_API_KEY = "pk_test_not_a_secret_key"
        event = requested()

        with pytest.raises(TryLater, match="key") as caught:
            charge(event)

        assert caught.value.seconds >= 10
        assert "pk_test_not_a_secret_key" not in str(caught.value)
        assert at_stripe.audit(event)["charges"] == 0


class TestFaults:
    """What goes wrong between us and Stripe: at most one charge, and never a wrong conclusion."""

    def test_answer_lost_after_the_charge(self, charge, at_stripe):
        event = requested()
        at_stripe.faults({"match": CREATE, "action": "drop_after", "times": 1})

        assert charge(event).status == PaymentStatus.SUCCEEDED
        assert at_stripe.audit(event)["charges"] == 1

    def test_request_lost_before_the_charge(self, charge, at_stripe):
        event = requested()
        at_stripe.faults({"match": CREATE, "action": "drop_before", "times": 2})

        assert charge(event).status == PaymentStatus.SUCCEEDED
        assert at_stripe.audit(event)["charges"] == 1

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_error_after_the_charge(self, charge, at_stripe, status):
        event = requested()
        at_stripe.faults(
            {"match": CREATE, "action": "status_after", "status": status, "times": 1,
             "stored": False}
        )  # fmt: skip

        assert charge(event).status == PaymentStatus.SUCCEEDED
        assert at_stripe.audit(event)["charges"] == 1

    @pytest.mark.parametrize(
        "fault",
        [
            {"action": "drop_before"},
            {"action": "drop_after"},
            {"action": "garble_after"},
            {"action": "status", "status": 500},
            {"action": "status_after", "status": 500, "stored": False},
            {"action": "status_after", "status": 502, "stored": False, "body": {"odd": True}},
        ],
        ids=lambda fault: fault["action"],
    )
    def test_answer_that_does_not_come_is_no_failure(self, charge, at_stripe, once, fault):
        event = requested()
        at_stripe.faults({"match": CREATE, "times": 1, **fault})

        with pytest.raises(OutcomeUnknown):
            charge(event)

        assert charge(event).status == PaymentStatus.SUCCEEDED
        assert at_stripe.audit(event)["charges"] == 1

    def test_half_an_answer_is_told_to_nobody(self, charge, at_stripe, once):
        at_stripe.faults({"match": CREATE, "action": "garble_after", "times": 1})

        with pytest.raises(OutcomeUnknown) as unknown:
            charge(requested())

        told = "".join(traceback.format_exception(unknown.value))
        assert "no whole answer" in told
        assert "client_secret" not in told

    def test_an_error_that_stripe_repeats_for_the_key_is_seen_through(self, charge, at_stripe):
        event = requested()
        at_stripe.faults(
            {"match": CREATE, "action": "status_after", "status": 500, "stored": True, "times": 1}
        )

        assert charge(event).status == PaymentStatus.SUCCEEDED
        assert at_stripe.audit(event)["charges"] == 1

    def test_an_error_that_stripe_repeats_without_a_charge_stays_unknown(self, charge, at_stripe):
        event = requested()
        at_stripe.faults(
            {"match": CREATE, "action": "status", "status": 500, "stored": True, "times": 1}
        )

        with pytest.raises(OutcomeUnknown):
            charge(event)

        assert at_stripe.audit(event)["charges"] == 0

    @pytest.mark.parametrize(
        ("by_ours", "by_the_databases"),
        [(timedelta(hours=1), timedelta(hours=24)), (timedelta(hours=24), timedelta(hours=1))],
    )
    def test_after_a_day_stripe_is_asked_before_anything_is_made(
        self, charge, run, at_stripe, by_ours, by_the_databases
    ):
        event = requested()
        charge(event)
        # Stripe would refuse this with the same key, and has forgotten the key by now.
        forgotten = event.model_copy(update={"correlation_id": uuid4()})

        async def a_day_later():
            with delivered(Delivery(timezone.now() - by_ours, attempts=9, age=by_the_databases)):
                return await create_payment_intent(forgotten)

        state = run(a_day_later())

        assert state.status == PaymentStatus.SUCCEEDED
        assert at_stripe.audit(event)["charges"] == 1

    def test_silence_is_no_failure(self, charge, at_stripe, once, monkeypatch):
        monkeypatch.setattr(client, "TIMEOUT", 0.2)
        event = requested()
        at_stripe.faults({"match": CREATE, "action": "latency", "seconds": 5, "times": 1})

        with pytest.raises(OutcomeUnknown):
            charge(event)

    def test_slow_answer_is_waited_for_with_the_same_key(self, charge, at_stripe, monkeypatch):
        monkeypatch.setattr(client, "TIMEOUT", 0.5)
        event = requested()
        at_stripe.faults({"match": CREATE, "action": "latency", "seconds": 0.8, "times": 1})

        assert charge(event).status == PaymentStatus.SUCCEEDED
        assert at_stripe.audit(event)["charges"] == 1

    @pytest.mark.parametrize("fault", [{"action": "status", "status": 429},
                                       {"action": "lock_timeout"}])  # fmt: skip
    def test_too_many_requests_are_tried_later(self, charge, at_stripe, fault):
        event = requested()
        at_stripe.faults({"match": CREATE, **fault, "headers": {"Retry-After": "0.3"}})

        with pytest.raises(TryLater) as caught:
            charge(event)

        assert caught.value.seconds == 0.3
        at_stripe.faults()
        assert charge(event).status == PaymentStatus.SUCCEEDED
        assert at_stripe.audit(event)["charges"] == 1

    def test_key_that_may_not_charge_keeps_nobody_from_paying_later(self, charge, at_stripe):
        event = requested()
        at_stripe.faults({"match": CREATE, "action": "status", "status": 403})

        with pytest.raises(TryLater, match="refuses our key"):
            charge(event)

        at_stripe.faults()
        assert charge(event).status == PaymentStatus.SUCCEEDED

    def test_one_request_too_early_is_made_again(self, charge, at_stripe):
        event = requested()
        at_stripe.faults(
            {"match": CREATE, "action": "status", "status": 429, "times": 1,
             "headers": {"Retry-After": "0.2"}}
        )  # fmt: skip

        assert charge(event).status == PaymentStatus.SUCCEEDED
        assert at_stripe.audit(event)["charges"] == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keys", ["kept", "forgotten"])
def test_payment_that_a_plain_producer_asks_for_again_is_charged_once(handle, at_stripe, keys):
    value = requested().model_dump_json(by_alias=True, exclude_none=True, exclude={"event_id"})
    first, second = (
        decode(value.encode(), topic=Topic.STRIPE_PAYMENT_REQUEST, partition=0, offset=offset)
        for offset in range(2)
    )
    handle(first)
    if keys == "forgotten":
        at_stripe.forget_keys()

    handle(second)

    assert first.event_id != second.event_id
    assert at_stripe.audit(first)["charges"] == 1
    assert [told.topic for told in published()] == ["payment.card.result", "payment.analytics"]


@pytest.mark.django_db(transaction=True)
class TestComesAgain:
    """A request of two days ago, to an inbox that never saw it: Stripe has forgotten its key."""

    @pytest.fixture
    def event(self, handle, at_stripe):
        event = requested(timestamp=timezone.now() - timedelta(days=2))
        handle(event)
        at_stripe.forget_keys()
        return event

    def test_what_is_recorded_is_not_charged(self, worker, at_stripe, event):
        at_stripe.faults({"match": LISTED, "action": "status", "status": 500})

        take_in(event)
        worker.drain()

        assert at_stripe.audit(event)["charges"] == 1
        assert InboxEvent.objects.get().handled_at
        assert [told.topic for told in published()] == ["payment.card.result", "payment.analytics"]

    def test_what_only_stripe_knows_is_not_charged(self, worker, at_stripe, event):
        Payment.objects.all().delete()
        OutboxEvent.objects.all().delete()

        take_in(event)
        worker.drain()

        assert at_stripe.audit(event)["charges"] == 1
        assert Payment.objects.get().status == "succeeded"
        assert published()[0].success

    def test_what_nobody_knows_is_charged(self, worker, at_stripe):
        event = requested(timestamp=timezone.now() - timedelta(days=2))

        take_in(event)
        worker.drain()

        assert at_stripe.audit(event)["charges"] == 1
        assert Payment.objects.get().status == "succeeded"

    @pytest.mark.parametrize("off_by", [timedelta(days=1), timedelta(minutes=-5), timedelta()])
    def test_what_is_new_is_neither_read_nor_looked_for(self, worker, at_stripe, off_by):
        at_stripe.faults({"match": LISTED, "action": "latency", "seconds": 0})

        take_in(requested(timestamp=timezone.now() + off_by))
        worker.drain()

        assert at_stripe.looks() == [0]
        assert Payment.objects.get().status == "succeeded"


@pytest.mark.django_db
class TestRecordCharges:
    def test_success_is_recorded_and_told_to_customer_and_admin(self, charge):
        event = requested()
        state = charge(event)

        record((event, state))

        payment = Payment.objects.get()
        assert payment.id == event.payment_id
        assert payment.customer_id == event.customer_id
        assert payment.request_event_id == event.event_id
        assert payment.payment_intent_id == state.payment_intent_id
        assert (payment.amount, payment.currency) == (1999, "eur")
        assert (payment.status, payment.revision) == ("succeeded", 1)
        assert payment.requested_at == event.timestamp
        answered, measured = published()
        assert isinstance(answered, CardPaymentAnswered)
        assert isinstance(measured, PaymentMeasured)
        for told in (answered, measured):
            assert told.causation_id == event.event_id
            assert told.correlation_id == event.correlation_id
            assert told.customer_id == event.customer_id
            assert told.payment_id == event.payment_id
            assert told.payment_intent_id == state.payment_intent_id
            assert (told.amount, told.currency) == (1999, "eur")
            assert (told.status, told.revision) == (PaymentStatus.SUCCEEDED, 1)
            assert told.source == "payment-service"
        assert (answered.success, answered.requires_action) == (True, False)
        assert answered.client_secret == state.client_secret
        assert (measured.card_brand, measured.card_country) == ("visa", "US")
        assert measured.requested_at == event.timestamp

    def test_decline_is_told_with_its_reason(self, charge):
        event = requested("pm_card_visa_chargeDeclinedInsufficientFunds")

        record((event, charge(event)))

        answered, measured = published()
        assert answered.success is False
        assert answered.status == PaymentStatus.REQUIRES_PAYMENT_METHOD
        assert answered.error == "Your card has insufficient funds."
        for told in (answered, measured):
            assert (told.error_code, told.decline_code) == ("card_declined", "insufficient_funds")

    def test_3d_secure_is_told_with_what_the_browser_needs(self, charge):
        event = requested("pm_card_threeDSecure2Required")
        state = charge(event)

        record((event, state))

        answered, _ = published()
        assert (answered.success, answered.requires_action) == (True, True)
        assert answered.client_secret == state.client_secret
        assert answered.next_action == state.next_action

    def test_failure_is_told_without_a_payment_intent(self, charge):
        event = requested("pm_nonsense")

        record((event, charge(event)))

        answered, _ = published()
        assert (answered.success, answered.status) == (False, PaymentStatus.FAILED)
        assert answered.payment_intent_id == ""
        assert answered.client_secret is None
        assert "pm_nonsense" in answered.error

    def test_analytics_are_told_no_secret_and_no_name(self, charge):
        event = requested("pm_card_threeDSecure2Required", metadata={"name": "Ada Löwe"})
        state = charge(event)

        record((event, state))

        measured = published()[1].to_json().decode()
        assert state.client_secret not in measured
        assert "Ada" not in measured
        assert "nextAction" not in measured

    def test_recorded_twice_it_is_told_once(self, charge):
        event = requested()
        state = charge(event)

        record((event, state))
        record((event, state))

        assert Payment.objects.count() == 1
        assert len(published()) == 2

    def test_request_of_a_plain_producer_is_recorded_by_its_event_id(self, charge):
        event = requested(payment_id=None, correlation_id=None, payment_options=None)

        record((event, charge(event)))

        payment = Payment.objects.get()
        assert payment.id == payment.correlation_id == event.event_id
        assert published()[0].payment_id == event.event_id

    def test_a_batch_costs_as_many_statements_as_one(self, charge):
        events = [requested() for _ in range(20)]
        charges = [(event, charge(event)) for event in events]

        with CaptureQueriesContext(connection) as one:
            record(charges[0])
        with CaptureQueriesContext(connection) as many:
            record(*charges[1:])

        assert len(many) == len(one) <= 5  # savepoint, time, payments, outbox, release
        assert [told.payment_id for told in published()[::2]] == [
            event.payment_id for event in events
        ]
