"""Cards that are kept, and payments without the customer."""

import pytest
from django.db import transaction

from kafka_bridge.contracts import CustomerInfo
from kafka_bridge.errors import OutcomeUnknown
from payment_project.customers import services as customers
from payment_project.customers.models import SavedCard, StripeCustomer
from payment_project.payments.models import Payment
from payment_project.stripe_gateway import client
from tests.payment.conftest import asked, published, requested, updates

pytestmark = pytest.mark.django_db(transaction=True)

CUSTOMER = {"options": {"save_card": True}, "customer_info": CustomerInfo(email="ada@example.org")}


@pytest.fixture
def saved(handle, run, at_stripe):
    """Pay with a card that is kept. Returns the event that tells of it."""

    def saved(payment_method="pm_card_visa", **fields):
        event = requested(payment_method, **(CUSTOMER | fields))
        handle(event)
        payment = Payment.objects.get(id=event.payment_id)
        if payment.status == "requires_action":
            at_stripe.command(f"intents/{payment.payment_intent_id}/authenticate")
            handle(asked("confirm", payment))
            return updates()[-1]
        return answers()[-1]

    return saved


def answers():
    return [told for told in published() if told.topic == "payment.card.result"]


def without_customer(told, **fields):
    """A request to charge a saved card while its customer is away."""
    card = told.saved_card.payment_method_id
    options = {"off_session": True}
    return requested(card, customer_id=told.customer_id, options=options, **fields)


def last_payment():
    return Payment.objects.latest("created_at")


class TestSaving:
    def test_tells_the_card_once_it_is_saved(self, saved, at_stripe):
        told = saved()

        card = told.saved_card
        assert (card.brand, card.last4, card.exp_month) == ("visa", "4242", 12)
        assert SavedCard.objects.get().payment_method_id == card.payment_method_id
        customer = StripeCustomer.objects.get()
        assert customer.customer_id == told.customer_id
        at_stripes = at_stripe.get(f"/v1/customers/{customer.stripe_customer_id}")
        assert at_stripes["email"] == "ada@example.org"
        assert at_stripes["metadata"] == {"customer_id": told.customer_id}
        assert last_payment().save_card

    def test_with_an_address_that_stripe_does_not_take(self, saved, at_stripe):
        body = {"error": {"type": "invalid_request_error", "param": "email", "message": "Invalid"}}
        refusal = {"action": "status", "status": 400, "body": body}
        at_stripe.faults({"match": "POST /v1/customers/cus_", **refusal})

        assert saved().status == "succeeded"

    def test_after_3d_secure(self, saved):
        assert saved("pm_card_threeDSecure2Required").saved_card.last4 == "3220"

    def test_of_a_declined_card_saves_nothing(self, saved):
        assert saved("pm_card_visa_chargeDeclined").saved_card is None
        assert SavedCard.objects.count() == 0

    def test_a_second_one_belongs_to_the_same_customer(self, saved):
        first = saved()

        second = saved(customer_id=first.customer_id)

        assert StripeCustomer.objects.count() == 1
        assert SavedCard.objects.filter(customer_id=first.customer_id).count() == 2
        assert first.saved_card != second.saved_card

    @pytest.mark.parametrize("lost", ["POST /v1/customers$", "POST /v1/payment_intents$"])
    def test_whose_answer_is_lost_makes_one_customer_and_one_charge(
        self, handle, at_stripe, monkeypatch, lost
    ):
        monkeypatch.setattr(client, "NETWORK_RETRIES", 0)
        event = requested(**CUSTOMER)
        before = at_stripe.counts()["customer"]
        at_stripe.faults({"match": lost, "action": "drop_after", "times": 1})

        with pytest.raises(OutcomeUnknown):
            handle(event)
        handle(event)

        assert answers()[-1].saved_card
        assert at_stripe.counts()["customer"] == before + 1
        assert at_stripe.audit(event)["charges"] == 1


class TestUsing:
    def test_charges_the_card_while_its_customer_is_away(self, handle, saved, at_stripe):
        event = without_customer(saved())

        handle(event)

        payment = last_payment()
        assert (payment.status, payment.off_session) == ("succeeded", True)
        assert at_stripe.audit(event)["charges"] == 1

    def test_charges_the_card_in_the_customers_presence(self, handle, saved, at_stripe):
        told = saved()
        event = requested(told.saved_card.payment_method_id, customer_id=told.customer_id)

        handle(event, event)

        assert last_payment().status == "succeeded"
        assert at_stripe.audit(event)["charges"] == 1

    @pytest.mark.parametrize("options", [{}, {"off_session": True}, {"save_card": True}])
    def test_of_somebody_else_fails(self, handle, saved, at_stripe, options):
        other = saved()
        saved(customer_id="somebody")
        card = other.saved_card.payment_method_id
        event = requested(card, customer_id="somebody", options=options)

        handle(event)

        assert last_payment().status == "failed"
        assert at_stripe.audit(event)["charges"] == 0

    def test_that_nobody_saved_is_not_charged_in_absence(self, handle, at_stripe):
        event = requested(options={"off_session": True})

        handle(event)

        assert last_payment().status == "failed"
        assert at_stripe.audit(event)["charges"] == 0

    def test_used_up_card_fails_the_payment(self, handle, at_stripe):
        method = at_stripe.post("/v1/payment_methods", type="card", **{"card[token]": "tok_visa"})[
            "id"
        ]
        handle(requested(method))

        handle(requested(method))

        assert last_payment().status == "failed"
        assert "may not be used again" in last_payment().error_message

    @pytest.mark.parametrize("gone", ["card", "customer"])
    def test_that_was_charged_and_went_before_the_answer_came(
        self, handle, saved, at_stripe, monkeypatch, gone
    ):
        monkeypatch.setattr(client, "NETWORK_RETRIES", 0)
        told = saved()
        customer = StripeCustomer.objects.get().stripe_customer_id
        options = {"off_session": True} if gone == "card" else {}
        card = told.saved_card.payment_method_id
        event = requested(card, customer_id=told.customer_id, options=options)
        # In its customer's presence, the card is first refused without its Customer.
        skip = 0 if gone == "card" else 1
        fault = {"match": "POST /v1/payment_intents$", "action": "drop_after", "times": 1}
        at_stripe.faults(fault | {"skip": skip})
        with pytest.raises(OutcomeUnknown):
            handle(event)

        if gone == "card":
            at_stripe.post(f"/v1/payment_methods/{card}/detach")
            with transaction.atomic():
                customers.update_card(
                    card, None, stripe_customer_id="", is_saved=False, cause=event
                )
        else:
            at_stripe.delete(f"/v1/customers/{customer}")
            with transaction.atomic():
                customers.forget_customer(customer, cause=event)
        handle(event)

        assert last_payment().status == "succeeded"
        assert at_stripe.audit(event)["charges"] == 1

    def test_that_was_detached_at_stripe_fails(self, handle, saved, at_stripe):
        told = saved()
        at_stripe.post(f"/v1/payment_methods/{told.saved_card.payment_method_id}/detach")

        handle(without_customer(told))

        assert last_payment().status == "failed"


class TestAuthenticationRequired:
    @pytest.fixture
    def refused(self, handle, saved):
        handle(without_customer(saved("pm_card_authenticationRequired")))
        return last_payment()

    def test_is_a_decline(self, refused):
        assert refused.status == "requires_payment_method"
        assert refused.error_code == refused.decline_code == "authentication_required"
        answered = answers()[-1]
        assert (answered.success, answered.error_code) == (False, "authentication_required")

    @pytest.mark.parametrize(
        ("return_url", "kind"),
        [("https://shop.example/back", "redirect_to_url"), (None, "use_stripe_sdk")],
    )
    def test_customer_comes_back_and_confirms(self, handle, at_stripe, refused, return_url, kind):
        handle(asked("confirm", refused, return_url=return_url))
        challenged = updates()[-1]
        at_stripe.command(f"intents/{refused.payment_intent_id}/authenticate")
        handle(asked("confirm", refused))

        assert challenged.status == "requires_action"
        assert challenged.next_action["type"] == kind
        assert challenged.client_secret
        assert (updates()[-1].status, updates()[-1].amount_captured) == ("succeeded", 1999)

    def test_confirmed_twice_asks_the_customer_once(self, handle, refused):
        event = asked("confirm", refused)
        before = len(updates())

        handle(event, event, asked("confirm", refused))

        assert {told.status for told in updates()[before:]} == {"requires_action"}
