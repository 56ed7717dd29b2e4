"""Capture, cancel, confirm: what is asked of a payment after its first answer."""

import pytest
from django.db import transaction

from kafka_bridge.contracts import PaymentMeasured, PaymentStatus
from kafka_bridge.errors import OutcomeUnknown
from payment_project.payments.models import Payment
from payment_project.payments.services import Applied, StateChange, apply_states, fail_discarded
from payment_project.stripe_gateway import client
from payment_project.stripe_gateway.errors import NotOfThisPayment
from tests.kafka_bridge.connections import elsewhere, wait_until_blocked
from tests.payment.conftest import asked, published, requested, updates

pytestmark = pytest.mark.django_db

LOST = [
    {"action": "drop_after"},
    {"action": "status_after", "status": 500, "stored": False},
    {"action": "status_after", "status": 500, "stored": True},
]


@pytest.fixture
def authorized(paid):
    return paid(options={"capture_method": "manual"})


@pytest.fixture
def once(monkeypatch):
    monkeypatch.setattr(client, "NETWORK_RETRIES", 0)


class TestCapture:
    def test_takes_all_that_was_authorized(self, handle, at_stripe, authorized):
        event = asked("capture", authorized)

        handle(event)

        authorized.refresh_from_db()
        assert (authorized.status, authorized.amount_captured) == ("succeeded", 1999)
        assert authorized.revision == 2
        (told,) = updates()
        assert (told.status, told.amount_captured, told.revision) == ("succeeded", 1999, 2)
        assert told.causation_id == event.event_id
        assert told.correlation_id == authorized.correlation_id
        measured = published()[-1]
        assert isinstance(measured, PaymentMeasured)
        assert (measured.amount_captured, measured.revision) == (1999, 2)

    def test_takes_a_part_and_gives_up_the_rest(self, handle, at_stripe, authorized):
        handle(asked("capture", authorized, amount=1500))

        (told,) = updates()
        assert (told.amount, told.amount_captured, told.amount_refunded) == (1999, 1500, 0)
        intent = at_stripe.payment_intent(authorized.payment_intent_id)
        assert (intent["amount_received"], intent["amount_capturable"]) == (1500, 0)

    def test_of_too_much_is_refused_and_told(self, handle, authorized):
        handle(asked("capture", authorized, amount=2000))

        authorized.refresh_from_db()
        assert (authorized.status, authorized.amount_captured) == ("requires_capture", 0)
        assert authorized.error_code == ""
        (told,) = updates()
        assert told.status == PaymentStatus.REQUIRES_CAPTURE
        assert told.error_code == "amount_too_large"
        assert "greater than" in told.error
        assert told.revision == authorized.revision == 2

    def test_of_what_is_canceled_is_refused_and_told(self, handle, authorized):
        handle(asked("cancel", authorized), asked("capture", authorized))

        canceled, refused = updates()
        assert canceled.status == refused.status == PaymentStatus.CANCELED
        assert canceled.error_code is None
        assert refused.error_code == "payment_intent_unexpected_state"
        assert [canceled.revision, refused.revision] == [2, 3]

    def test_done_twice_captures_once(self, handle, at_stripe, authorized):
        event = asked("capture", authorized, amount=1500)

        handle(event, event)

        assert [(told.status, told.amount_captured) for told in updates()] == [
            ("succeeded", 1500),
            ("succeeded", 1500),
        ]
        intent = at_stripe.payment_intent(authorized.payment_intent_id)
        assert intent["amount_received"] == 1500

    @pytest.mark.parametrize("fault", LOST)
    def test_whose_answer_is_lost_is_seen_the_next_time(
        self, handle, at_stripe, once, authorized, fault
    ):
        event = asked("capture", authorized, amount=1500)
        at_stripe.faults({"match": "POST .*/capture$", "times": 1, **fault})

        with pytest.raises(OutcomeUnknown):
            handle(event)
        handle(event)

        (told,) = updates()
        assert (told.status, told.amount_captured) == ("succeeded", 1500)
        assert told.error is None

    def test_of_another_customers_payment_is_dead(self, handle, authorized):
        with pytest.raises(NotOfThisPayment):
            handle(asked("capture", authorized, customer_id="somebody else"))


class TestCancel:
    def test_gives_the_authorisation_back(self, handle, at_stripe, authorized):
        handle(asked("cancel", authorized, reason="requested_by_customer"))

        (told,) = updates()
        assert told.status == PaymentStatus.CANCELED
        assert (told.amount_captured, told.amount_refunded, told.refunds) == (0, 0, None)
        intent = at_stripe.payment_intent(authorized.payment_intent_id)
        assert intent["cancellation_reason"] == "requested_by_customer"

    def test_of_a_declined_payment(self, handle, paid):
        payment = paid("pm_card_visa_chargeDeclined")

        handle(asked("cancel", payment))

        assert updates()[0].status == PaymentStatus.CANCELED

    def test_of_what_is_paid_is_refused_and_told(self, handle, paid):
        payment = paid()

        handle(asked("cancel", payment))

        (told,) = updates()
        assert (told.status, told.amount_captured) == ("succeeded", 1999)
        assert told.error_code == "payment_intent_unexpected_state"

    def test_of_what_is_canceled_already_is_answered(self, handle, authorized):
        first, second = asked("cancel", authorized), asked("cancel", authorized)

        handle(first, second)

        assert [(told.causation_id, told.status, told.error_code) for told in updates()] == [
            (first.event_id, "canceled", None),
            (second.event_id, "canceled", None),
        ]

    @pytest.mark.parametrize("fault", LOST)
    def test_whose_answer_is_lost_is_seen_the_next_time(
        self, handle, at_stripe, once, authorized, fault
    ):
        event = asked("cancel", authorized)
        at_stripe.faults({"match": "POST .*/cancel$", "times": 1, **fault})

        with pytest.raises(OutcomeUnknown):
            handle(event)
        handle(event)

        (told,) = updates()
        assert (told.status, told.error) == ("canceled", None)

    def test_is_not_done_if_the_payment_has_moved_on(self, handle, authorized):
        expected = PaymentStatus.REQUIRES_ACTION

        handle(asked("cancel", authorized, reason="abandoned", expected_status=expected))

        assert [told.status for told in updates()] == ["requires_capture"]


class TestConfirm:
    def test_after_the_bank_has_seen_the_customer(self, handle, at_stripe, paid):
        payment = paid("pm_card_threeDSecure2Required")
        at_stripe.command(f"intents/{payment.payment_intent_id}/authenticate")

        handle(asked("confirm", payment))

        (told,) = updates()
        assert (told.status, told.amount_captured) == ("succeeded", 1999)

    def test_too_early_changes_nothing(self, handle, paid):
        payment = paid("pm_card_threeDSecure2Required")

        handle(asked("confirm", payment))

        (told,) = updates()
        assert told.status == "requires_action"
        assert told.client_secret

    def test_of_a_declined_payment_charges_nothing(self, handle, at_stripe, paid):
        payment = paid("pm_card_visa_chargeDeclined")

        handle(asked("confirm", payment))

        assert [told.status for told in updates()] == ["requires_payment_method"]
        assert payment.status == "requires_payment_method"


def test_payment_that_only_stripe_knows_is_recorded_by_what_it_says(handle, paid):
    payment = paid(options={"capture_method": "manual"})
    Payment.objects.update(revision=7)
    Payment.objects.all().delete()

    handle(asked("capture", payment))

    payment.refresh_from_db()
    assert (payment.status, payment.amount_captured) == ("succeeded", 1999)
    (told,) = updates()
    assert (told.revision, told.amount, told.currency) == (payment.revision, 1999, "eur")
    assert told.revision > 7  # of the row that is gone: others take what is lower for old


@pytest.mark.django_db(transaction=True)
def test_payment_that_is_just_being_given_up_moves_on_to_what_stripe_says(charge):
    request = requested()
    state = charge(request)

    def tell():
        with transaction.atomic():
            return apply_states([StateChange(request, request.payment_id, state)])

    with elsewhere() as others:
        with transaction.atomic():
            fail_discarded([request])
            told = others.run(tell)
            wait_until_blocked()
        assert told.result() == {request.payment_id: Applied.CHANGED}

    payment = Payment.objects.get()
    assert (payment.status, payment.revision) == ("succeeded", 2)
    assert [update.status for update in updates()] == ["succeeded"]
