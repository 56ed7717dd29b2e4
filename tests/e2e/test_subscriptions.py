"""Subscriptions by API, admin, Stripe's dashboard and time: all three services end alike."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from devstack.chaos.customers import make_customers
from devstack.clients import CustomerApi
from devstack.waiting import wait_until
from tests.at_stripe import Clock
from tests.e2e.operators import Operator

STATE = (
    "SELECT status, subscription_plan_id AS plan, amount, quantity, paused, cancel_at_period_end,"
    " card FROM subscriptions_subscription WHERE id = %s"
)
FACT = (
    "SELECT revision, status, plan, currency, cancel_at_period_end"
    " FROM analytics_subscriptionfact WHERE subscription_id = %s"
)
TOLD = (
    "SELECT revision, status, subscription_plan_id AS plan, currency, cancel_at_period_end"
    " FROM subscriptions_subscription WHERE id = %s"
)
EMAILS = (
    "SELECT kind, invoice_id, invoice_attempt FROM emails_email"
    " WHERE subscription_id = %s ORDER BY id"
)
ON_CLOCK = """
INSERT INTO customers_stripecustomer (customer_id, stripe_customer_id, created_at)
VALUES (%s, %s, now())
ON CONFLICT (customer_id) DO UPDATE SET stripe_customer_id = excluded.stripe_customer_id
RETURNING customer_id
"""
_WHOSE = (
    "SELECT customer.id FROM customers_customer AS customer"
    " JOIN authtoken_token AS token ON token.user_id = customer.user_id WHERE token.key = %s"
)
_UNANSWERED = (
    "SELECT event_id FROM timeline_ask"
    " WHERE topic = 'stripe.subscription.update' AND answered_at IS NULL"
)
HOUR = 3600


def is_(status):
    return lambda subscription: subscription["status"] == status


@pytest.fixture
def agreed(stack, databases, merchant, at_stripe):
    """Wait until nothing moves, and return what the three services and Stripe say alike."""

    def agreed(subscription_id):
        webhooks = "/_emulator/webhooks"
        wait_until(lambda: not at_stripe.get(webhooks)["pending"], what="webhooks", every=0.1)
        stack.wait_until_settled()
        [at_payment] = databases.rows("payment", STATE, (subscription_id,))
        assert databases.rows("customer", STATE, (subscription_id,)) == [at_payment]
        told = databases.rows("customer", TOLD, (subscription_id,))
        assert databases.rows("admin", FACT, (subscription_id,)) == told
        shown = merchant.get_subscription(subscription_id)
        at = at_stripe.get(f"/v1/subscriptions/{shown['stripe_subscription_id']}")
        [item] = at["items"]["data"]
        assert at["status"] == shown["status"] == at_payment["status"]
        assert at["cancel_at_period_end"] == shown["cancel_at_period_end"]
        assert bool(at["pause_collection"]) == shown["paused"]
        assert at["default_payment_method"] == (shown["card"] or {}).get("payment_method")
        price = (item["price"]["unit_amount"], item["quantity"])
        assert price == (shown["amount"], shown["quantity"])
        return shown

    return agreed


@pytest.fixture
def subscribed(ada):
    accepted = ada.subscribe()
    return ada.subscription_when(accepted["id"], is_("active"))


@pytest.fixture(scope="module")
def operators(stack, seeds):
    return {name: Operator(stack.urls[name]) for name in ("customer", "payment")}


@pytest.fixture
def each_is_answered(databases):
    """None of what was asked shows as stuck a minute later."""
    yield
    wait_until(lambda: not databases.rows("admin", _UNANSWERED), what="an answer to each")


class TestSetUp:
    def test_is_active_once_its_first_invoice_is_paid(self, ada, subscribed, agreed):
        shown = agreed(subscribed["id"])

        [invoice] = ada.get_subscription(shown["id"], "invoices/")
        assert (invoice["status"], invoice["amount_paid"]) == ("paid", shown["amount"])
        assert shown["card"]["last4"] == "4242"

    def test_the_same_click_many_times_is_one_subscription(self, ada, stack, at_stripe):
        key = str(uuid.uuid4())
        with ThreadPoolExecutor(max_workers=6) as pool:
            accepted = list(pool.map(lambda _: ada.subscribe(idempotency_key=key), range(6)))

        assert {one["id"] for one in accepted} == {accepted[0]["id"]}
        shown = ada.subscription_when(accepted[0]["id"], is_("active"))
        stack.wait_until_settled()
        at = at_stripe.get(f"/v1/subscriptions/{shown['stripe_subscription_id']}")
        all_of_ada = at_stripe.get("/v1/subscriptions", customer=at["customer"])["data"]
        ours = [one for one in all_of_ada if one["metadata"]["subscription_id"] == shown["id"]]
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


@pytest.mark.usefixtures("each_is_answered")
class TestByApi:
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

    def test_paused_and_resumed(self, ada, merchant, subscribed, agreed):
        merchant.change_subscription(subscribed["id"], "pause")
        ada.subscription_when(subscribed["id"], lambda one: one["paused"])
        assert agreed(subscribed["id"])["status"] == "active"

        ada.change_subscription(subscribed["id"], "resume")
        ada.subscription_when(subscribed["id"], lambda one: not one["paused"])
        assert agreed(subscribed["id"])["status"] == "active"

    def test_another_card(self, ada, subscribed, agreed):
        ada.change_subscription(subscribed["id"], "card", payment_method="pm_card_mastercard")

        ada.subscription_when(subscribed["id"], lambda one: one["card"]["brand"] == "mastercard")
        assert agreed(subscribed["id"])["card"]["brand"] == "mastercard"


@pytest.mark.usefixtures("each_is_answered")
class TestByOperators:
    @pytest.fixture
    def press(self, operators, subscribed):
        """Press the button of a change's page."""

        def press(service, change, **fields):
            page = f"/admin/subscriptions/subscription/{subscribed['id']}/ask/{change}/"
            return operators[service].press(page, **fields)

        return press

    @pytest.mark.parametrize("service", ["customer", "payment"])
    def test_paused_ended_and_all_taken_back(self, *, service, press, ada, subscribed, agreed):
        press(service, "pause")
        press(service, "cancel-at-period-end")
        ada.subscription_when(
            subscribed["id"], lambda one: one["paused"] and one["cancel_at_period_end"]
        )
        agreed(subscribed["id"])

        press(service, "resume")
        press(service, "reactivate")
        ada.subscription_when(
            subscribed["id"], lambda one: not one["paused"] and not one["cancel_at_period_end"]
        )
        assert agreed(subscribed["id"])["status"] == "active"

    def test_another_plan_at_the_price_seen(self, operators, press, ada, subscribed, agreed):
        costs = urlsplit(press("customer", "plan", plan="coffee-yearly").url).path
        seen = ada.subscription_when(subscribed["id"], lambda one: one["preview"])["preview"]
        assert f"€{seen['amount_due'] / 100:.2f} now" in operators["customer"].look(costs).text

        operators["customer"].press(costs)

        ada.subscription_when(subscribed["id"], lambda one: one["plan"] == "coffee-yearly")
        agreed(subscribed["id"])
        newest = ada.get_subscription(subscribed["id"], "invoices/")[0]
        assert (newest["status"], newest["amount_paid"]) == ("paid", seen["amount_due"])

    def test_another_card(self, databases, press, ada, subscribed, agreed):
        paid = ada.pay(payment_method="pm_card_mastercard", save_card=True)
        assert ada.answered_payment(paid["id"])["status"] == "succeeded"
        newest = (
            "SELECT payment_method_id FROM payments_savedcard"
            " ORDER BY saved_at DESC NULLS LAST LIMIT 1"
        )
        [card] = databases.rows("customer", newest)

        press("customer", "card", payment_method=card["payment_method_id"])

        ada.subscription_when(subscribed["id"], lambda one: one["card"]["brand"] == "mastercard")
        agreed(subscribed["id"])


class TestAtStripe:
    def test_canceled(self, ada, subscribed, agreed, at_stripe):
        at_stripe.delete(f"/v1/subscriptions/{subscribed['stripe_subscription_id']}")

        ada.subscription_when(subscribed["id"], is_("canceled"))
        assert agreed(subscribed["id"])["status"] == "canceled"

    def test_given_a_price_that_is_no_plans(self, ada, subscribed, agreed, at_stripe):
        path = f"/v1/subscriptions/{subscribed['stripe_subscription_id']}"
        [item] = at_stripe.get(path)["items"]["data"]
        price = at_stripe.post(
            "/v1/prices",
            product=item["price"]["product"],
            currency="eur",
            unit_amount=1490,
            **{"recurring[interval]": "month"},
        )

        at_stripe.post(path, **{"items[0][id]": item["id"], "items[0][price]": price["id"]})

        ada.subscription_when(subscribed["id"], lambda one: one["amount"] == 1490)
        assert agreed(subscribed["id"])["plan"] == price["id"]

    def test_paused_and_given_another_card(self, ada, subscribed, agreed, at_stripe):
        stripe_id = subscribed["stripe_subscription_id"]
        at_stripe.post(f"/v1/subscriptions/{stripe_id}", **{"pause_collection[behavior]": "void"})
        at_stripe.give_card(stripe_id, "pm_card_mastercard")

        ada.subscription_when(
            subscribed["id"], lambda one: one["paused"] and one["card"]["brand"] == "mastercard"
        )
        agreed(subscribed["id"])


class TestRenewals:
    @pytest.fixture
    def clock(self, at_stripe):
        return Clock(at_stripe, days_ago=75)  # two periods and a half, but no dunning's end

    @pytest.fixture
    def subscriber(self, stack, databases, clock):
        """The API as a customer uses it who lives on the clock."""
        [token] = make_customers(stack, 1)
        [customer] = databases.rows("customer", _WHOSE, (token,))
        customer_id = str(customer["id"])
        databases.rows("payment", ON_CLOCK, (customer_id, clock.customer(customer_id)))
        return CustomerApi(stack.urls["customer"], token)

    def test_paid_then_failed_then_recovered(
        self, *, subscriber, clock, agreed, databases, at_stripe
    ):
        subscription_id = subscriber.subscribe()["id"]
        subscriber.subscription_when(subscription_id, is_("active"))
        first = agreed(subscription_id)

        clock.reach(datetime.fromisoformat(first["current_period_end"]), seconds=2 * HOUR)
        renewed = agreed(subscription_id)
        newest, *_ = subscriber.get_subscription(subscription_id, "invoices/")
        assert (newest["billing_reason"], newest["status"]) == ("subscription_cycle", "paid")
        assert renewed["status"] == "active"
        assert renewed["current_period_start"] == first["current_period_end"]
        assert databases.rows("customer", EMAILS, (subscription_id,)) == []

        at_stripe.give_card(first["stripe_subscription_id"], "pm_card_chargeCustomerFail")
        clock.reach(datetime.fromisoformat(renewed["current_period_end"]), seconds=2 * HOUR)
        assert agreed(subscription_id)["status"] == "past_due"
        unpaid, *_ = subscriber.get_subscription(subscription_id, "invoices/")
        assert (unpaid["status"], unpaid["customer_can"]) == ("open", "change_card")
        told = {"kind": "change_card", "invoice_id": unpaid["id"], "invoice_attempt": 1}
        assert databases.rows("customer", EMAILS, (subscription_id,)) == [told]

        subscriber.change_subscription(subscription_id, "card", payment_method="pm_card_mastercard")
        subscriber.subscription_when(subscription_id, is_("active"))
        recovered = agreed(subscription_id)
        paid, *_ = subscriber.get_subscription(subscription_id, "invoices/")
        assert (paid["id"], paid["status"]) == (unpaid["id"], "paid")
        assert (recovered["status"], recovered["card"]["brand"]) == ("active", "mastercard")
        good_news = {"kind": "recovered", "invoice_id": paid["id"], "invoice_attempt": 2}
        assert databases.rows("customer", EMAILS, (subscription_id,)) == [told, good_news]
