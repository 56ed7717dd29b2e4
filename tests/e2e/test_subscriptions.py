"""Subscriptions by the API, until all three services and Stripe say the same."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from devstack.waiting import wait_until

STATE = "SELECT status, amount, quantity, paused FROM subscriptions_subscription WHERE id = %s"
_UNANSWERED = (
    "SELECT event_id FROM timeline_ask"
    " WHERE topic = 'stripe.subscription.update' AND answered_at IS NULL"
)


def is_(status):
    return lambda subscription: subscription["status"] == status


@pytest.fixture
def agreed(stack, databases, ada):
    """Wait until nothing moves, and return what customer, payment and Stripe say alike."""

    def agreed(subscription_id):
        stack.wait_until_settled()
        [at_payment] = databases.rows("payment", STATE, (subscription_id,))
        [at_customer] = databases.rows("customer", STATE, (subscription_id,))
        assert at_customer == at_payment
        shown = ada.get_subscription(subscription_id)
        at_stripe = of_stripe(stack, shown["stripe_subscription_id"])
        assert at_stripe["status"] == shown["status"] == at_payment["status"]
        assert at_stripe["cancel_at_period_end"] == shown["cancel_at_period_end"]
        assert at_stripe["items"]["data"][0]["price"]["unit_amount"] == shown["amount"]
        return shown

    return agreed


@pytest.fixture
def subscribed(ada):
    accepted = ada.subscribe()
    return ada.subscription_when(accepted["id"], is_("active"))


def of_stripe(stack, stripe_id):
    response = requests.get(
        f"{stack.stripe_url}/v1/subscriptions/{stripe_id}",
        auth=("sk_test_paybridge_demo", ""),
        timeout=30,
    )
    return response.json()


class TestSetUp:
    def test_is_active_once_its_first_invoice_is_paid(self, ada, subscribed, agreed):
        shown = agreed(subscribed["id"])

        [invoice] = ada.get_subscription(shown["id"], "invoices/")
        assert (invoice["status"], invoice["amount_paid"]) == ("paid", shown["amount"])
        assert shown["card"]["last4"] == "4242"

    def test_the_same_click_many_times_is_one_subscription(self, ada, stack):
        key = str(uuid.uuid4())
        with ThreadPoolExecutor(max_workers=6) as pool:
            accepted = list(pool.map(lambda _: ada.subscribe(idempotency_key=key), range(6)))

        assert {one["id"] for one in accepted} == {accepted[0]["id"]}
        shown = ada.subscription_when(accepted[0]["id"], is_("active"))
        stack.wait_until_settled()
        at_stripe = requests.get(
            f"{stack.stripe_url}/v1/subscriptions",
            params={"customer": of_stripe(stack, shown["stripe_subscription_id"])["customer"]},
            auth=("sk_test_paybridge_demo", ""),
            timeout=30,
        ).json()["data"]
        ours = [one for one in at_stripe if one["metadata"]["subscription_id"] == shown["id"]]
        assert len(ours) == 1

    def test_a_declined_card_leaves_it_incomplete(self, ada, agreed):
        accepted = ada.subscribe(payment_method="pm_card_chargeCustomerFail")

        shown = ada.subscription_when(accepted["id"], is_("incomplete"))
        assert shown["error_code"] == "card_declined"
        assert agreed(shown["id"])["status"] == "incomplete"

    def test_3d_secure_brings_a_client_secret(self, ada):
        accepted = ada.subscribe(payment_method="pm_card_threeDSecure2Required")

        shown = ada.subscription_when(accepted["id"], is_("incomplete"))
        assert shown["requires_action"]
        assert shown["client_secret"]

    def test_a_trial_asks_for_nothing_yet(self, ada, agreed):
        accepted = ada.subscribe("coffee-and-tea")

        shown = ada.subscription_when(accepted["id"], lambda one: one["status"] != "requested")
        assert shown["status"] in ("trialing", "active")
        assert agreed(shown["id"])["status"] == shown["status"]


class TestChanges:
    @pytest.fixture(autouse=True)
    def each_is_answered(self, databases):
        """None shows as stuck a minute later."""
        yield
        wait_until(lambda: not databases.rows("admin", _UNANSWERED), what="an answer to each")

    def test_canceled_at_the_end_and_taken_back(self, ada, subscribed, agreed):
        ada.change_subscription(subscribed["id"], "cancel", at_period_end=True)
        ada.subscription_when(subscribed["id"], lambda one: one["cancel_at_period_end"])
        assert agreed(subscribed["id"])["status"] == "active"

        ada.change_subscription(subscribed["id"], "reactivate")
        ada.subscription_when(subscribed["id"], lambda one: not one["cancel_at_period_end"])
        assert agreed(subscribed["id"])["status"] == "active"

    def test_canceled_now(self, ada, subscribed, agreed):
        ada.change_subscription(subscribed["id"], "cancel")

        ada.subscription_when(subscribed["id"], is_("canceled"))
        assert agreed(subscribed["id"])["ended_at"]

    def test_a_change_of_plan_costs_what_its_preview_said(self, ada, subscribed, agreed):
        change = {"plan": "coffee-yearly"}
        ada.change_subscription(subscribed["id"], "plan/preview", **change)
        seen = ada.subscription_when(subscribed["id"], lambda one: one["preview"])["preview"]

        ada.change_subscription(
            subscribed["id"], "plan", **change, proration_date=seen["proration_date"]
        )

        ada.subscription_when(subscribed["id"], lambda one: one["plan"] == "coffee-yearly")
        agreed(subscribed["id"])
        newest = ada.get_subscription(subscribed["id"], "invoices/")[0]
        assert (newest["status"], newest["amount_paid"]) == ("paid", seen["amount_due"])

    def test_what_is_canceled_at_stripe_is_canceled_here(self, ada, subscribed, agreed, stack):
        requests.delete(
            f"{stack.stripe_url}/v1/subscriptions/{subscribed['stripe_subscription_id']}",
            auth=("sk_test_paybridge_demo", ""),
            timeout=30,
        ).raise_for_status()

        ada.subscription_when(subscribed["id"], is_("canceled"))
        assert agreed(subscribed["id"])["status"] == "canceled"
