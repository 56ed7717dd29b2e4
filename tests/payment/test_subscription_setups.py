"""Requests to subscribe: paid at once, with 3-D Secure, in a trial, declined, refused."""

import uuid

import pytest

from kafka_bridge.contracts import (
    PaymentMeasured,
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionStatusUpdated,
)
from kafka_bridge.handlers import handler_of
from payment_project.stripe_gateway.errors import NotOfThisSubscription
from payment_project.subscriptions.models import Invoice, Subscription
from tests.payment.conftest import published
from tests.payment.subscribing import setup_requested

pytestmark = pytest.mark.django_db(transaction=True)

RETURN_URL = "https://shop.example/back"


def the(event_class):
    (event,) = [event for event in published() if isinstance(event, event_class)]
    return event


class TestPaidAtOnce:
    def test_good_card_needs_nothing_more(self, handle, at_stripe):
        event = setup_requested(context={"quantity": 2})

        handle(event)

        answer, status = the(SubscriptionAnswered), the(SubscriptionStatusUpdated)
        assert answer.success
        assert not answer.requires_action
        assert (answer.status, answer.amount, answer.quantity) == ("active", 1900, 2)
        assert (answer.card.brand, answer.card.last4) == ("visa", "4242")
        assert (status.status, status.revision) == ("active", 1)
        assert answer.current_period_end > answer.current_period_start
        at = at_stripe.get(f"/v1/subscriptions/{answer.stripe_subscription_id}")
        assert at["metadata"]["subscription_id"] == str(answer.subscription_id)

    def test_money_is_told_once_by_invoice(self, handle):
        event = setup_requested(context={"quantity": 2})

        handle(event)

        payment, measured = the(SubscriptionPaymentUpdated), the(PaymentMeasured)
        assert (payment.status, payment.amount_due, payment.amount_paid) == ("paid", 3800, 3800)
        assert (payment.billing_reason, payment.attempt) == ("subscription_create", 1)
        assert payment.client_secret is None
        assert (measured.payment_type, measured.status) == ("subscription_first", "succeeded")
        assert (measured.amount, measured.amount_captured) == (3800, 3800)
        assert (measured.card_brand, measured.card_country) == ("visa", "US")
        assert measured.subscription_id == event.subscription_context.subscription_id

    def test_confirmation_token_does_as_well(self, handle, at_stripe):
        token = at_stripe.post(
            "/v1/test_helpers/confirmation_tokens", payment_method="pm_card_visa"
        )
        event = setup_requested(None, options={"confirmation_token": token["id"]})

        handle(event)

        assert the(SubscriptionAnswered).status == "active"

    def test_saved_card_is_charged(self, handle):
        first = setup_requested()
        handle(first)
        card = Subscription.objects.get().payment_method_id

        handle(setup_requested(card, customer_id=first.customer_id))

        assert {row.status for row in Subscription.objects.all()} == {"active"}

    def test_archived_price_is_replaced(self, handle, at_stripe):
        first, second = (setup_requested(subscription_plan_id="archived") for _ in range(2))
        handle(first)
        made = at_stripe.get(
            f"/v1/subscriptions/{the(SubscriptionAnswered).stripe_subscription_id}"
        )["items"]["data"][0]["price"]["id"]
        at_stripe.post(f"/v1/prices/{made}", active="false")

        handle(second)

        answers = [told for told in published() if isinstance(told, SubscriptionAnswered)]
        assert [told.status for told in answers] == ["active", "active"]


class TestThreeDSecure:
    def test_customer_is_sent_to_the_bank(self, handle, at_stripe):
        handle(setup_requested("pm_card_threeDSecure2Required", options={"return_url": RETURN_URL}))

        answer = the(SubscriptionAnswered)
        assert (answer.success, answer.requires_action) == (True, True)
        assert answer.status == "incomplete"
        assert answer.next_action["type"] == "redirect_to_url"
        intent = at_stripe.payment_intent(answer.payment_intent_id)
        assert answer.client_secret == intent["client_secret"]
        assert the(SubscriptionPaymentUpdated).customer_can == "authenticate"
        told = the(SubscriptionStatusUpdated)
        assert (told.client_secret, told.next_action) == (answer.client_secret, answer.next_action)

    def test_trial_asks_the_bank_too(self, handle):
        handle(setup_requested("pm_card_authenticationRequiredOnSetup", context={"trial_days": 14}))

        answer = the(SubscriptionAnswered)
        assert (answer.success, answer.requires_action, answer.status) == (True, True, "trialing")
        assert answer.client_secret.startswith(answer.setup_intent_id)


class TestTrial:
    def test_nothing_is_paid_and_the_card_is_kept(self, handle):
        handle(setup_requested(context={"trial_days": 14}))

        answer = the(SubscriptionAnswered)
        assert (answer.success, answer.status) == (True, "trialing")
        assert (answer.trial_end - answer.started_at).days == 14
        assert answer.card.last4 == "4242"
        assert not [event for event in published() if isinstance(event, PaymentMeasured)]

    def test_declined_card(self, handle):
        handle(setup_requested("pm_card_chargeDeclined", context={"trial_days": 14}))

        answer = the(SubscriptionAnswered)
        assert (answer.success, answer.status) == (False, "trialing")
        assert (answer.error_code, answer.decline_code) == ("card_declined", "generic_decline")


class TestDeclined:
    def test_subscription_stays_incomplete(self, handle):
        handle(setup_requested("pm_card_chargeDeclinedInsufficientFunds"))

        answer, measured = the(SubscriptionAnswered), the(PaymentMeasured)
        assert (answer.success, answer.status) == (False, "incomplete")
        assert (answer.error_code, answer.decline_code) == ("card_declined", "insufficient_funds")
        assert measured.decline_code == "insufficient_funds"
        assert measured.amount_captured == 0
        assert the(SubscriptionPaymentUpdated).customer_can == "change_card"
        assert the(SubscriptionStatusUpdated).decline_code == "insufficient_funds"


class TestCustomerHasAnotherCard:
    """Stripe asks for none then, so the card of the request is to take its place."""

    @pytest.fixture
    def setup(self, clock, at_stripe, handle):
        def setup(card):
            event = setup_requested(card, context={"trial_days": 14})
            path = f"/v1/customers/{clock.customer(event.customer_id)}"
            visa = at_stripe.post(
                "/v1/payment_methods/pm_card_visa/attach", customer=path.rpartition("/")[2]
            )
            at_stripe.post(path, **{"invoice_settings[default_payment_method]": visa["id"]})
            handle(event)
            return the(SubscriptionAnswered)

        return setup

    def test_it_takes_its_place(self, setup):
        answer = setup("pm_card_mastercard")

        assert (answer.success, answer.status, answer.requires_action) == (True, "trialing", False)
        assert answer.card.brand == "mastercard"

    def test_declined(self, setup, at_stripe):
        answer = setup("pm_card_chargeDeclined")

        assert (answer.success, answer.status) == (False, "failed")
        assert (answer.error_code, answer.error) == ("card_declined", "Your card was declined.")
        at = at_stripe.get(f"/v1/subscriptions/{answer.stripe_subscription_id}")
        assert at["status"] == "canceled"

    def test_the_bank_wants_to_see_the_customer(self, setup):
        answer = setup("pm_card_authenticationRequiredOnSetup")

        assert (answer.success, answer.status, answer.requires_action) == (True, "trialing", True)
        assert answer.client_secret.startswith(answer.setup_intent_id)
        assert answer.next_action


class TestRefused:
    @pytest.mark.parametrize("payment_method", ["pm_of_nobody", "pm_card_visa_typo"])
    def test_unknown_card_fails_and_leaves_nothing_running(self, handle, at_stripe, payment_method):
        handle(setup_requested(payment_method))

        answer = the(SubscriptionAnswered)
        assert (answer.success, answer.status) == (False, "failed")
        assert answer.error_code == "resource_missing"
        at = at_stripe.get(f"/v1/subscriptions/{answer.stripe_subscription_id}")
        assert at["status"] in ("canceled", "incomplete_expired")

    def test_card_of_somebody_else(self, handle):
        handle(setup_requested())
        theirs = Subscription.objects.get().payment_method_id

        event = setup_requested(theirs)
        handle(event)

        row = Subscription.objects.get(customer_id=event.customer_id)
        assert row.status == "failed"

    def test_amount_that_stripe_does_not_take(self, handle):
        plan = setup_requested().plan_info.model_copy(update={"currency": "xxq"})

        handle(setup_requested(plan_info=plan))

        answer = the(SubscriptionAnswered)
        assert (answer.status, answer.stripe_subscription_id) == ("failed", "")
        assert answer.error


class TestOnce:
    def test_repetition_makes_nothing_twice(self, run, handle, at_stripe):
        event = setup_requested()
        run(handler_of(type(event)).call(event))
        handle(event)

        assert Subscription.objects.count() == Invoice.objects.count() == 1
        assert len(self.made_for(event, at_stripe)) == 1

    @pytest.mark.parametrize("keys", ["kept", "forgotten"])
    def test_what_a_plain_producer_asks_for_again_is_told_again(self, handle, at_stripe, keys):
        first = setup_requested()
        second = first.model_copy(update={"event_id": uuid.uuid4()})
        handle(first)
        if keys == "forgotten":
            at_stripe.forget_keys()

        handle(second)

        assert len(self.made_for(first, at_stripe)) == 1
        answers = [told for told in published() if isinstance(told, SubscriptionAnswered)]
        assert [told.causation_id for told in answers] == [first.event_id, second.event_id]
        assert {(told.status, told.stripe_subscription_id) for told in answers} == {
            ("active", Subscription.objects.get().stripe_subscription_id)
        }

    def test_who_names_another_customers_gets_nothing_of_it(self, run, handle, at_stripe):
        first = setup_requested()
        handle(first)
        at_stripe.forget_keys()
        theirs = {"event_id": uuid.uuid4(), "customer_id": "somebody-else"}

        with pytest.raises(NotOfThisSubscription):
            run(handler_of(type(first)).call(first.model_copy(update=theirs)))

        assert len(self.made_for(first, at_stripe)) == 1

    @staticmethod
    def made_for(event, at_stripe):
        wanted = str(event.subscription_context.subscription_id)
        listed = at_stripe.get("/v1/subscriptions", status="all", limit=100)["data"]
        return [one for one in listed if one["metadata"].get("subscription_id") == wanted]
