"""What customers and operators do to subscriptions."""

import time
from datetime import UTC, datetime

import pytest

from devstack.waiting import wait_until
from kafka_bridge.errors import OutcomeUnknown
from payment_project.stripe_gateway import client
from payment_project.stripe_gateway.errors import NotOfThisSubscription
from payment_project.stripe_gateway.subscription_states import snapshot_of
from payment_project.stripe_gateway.subscription_updates import finish_card
from payment_project.stripe_gateway.subscriptions import fetch_subscription
from payment_project.subscriptions.models import Invoice
from tests.payment.conftest import invoice_updates, subscription_updates
from tests.payment.subscribing import PRO, TEAM, change_requested, setup_requested

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bank(run, at_stripe):
    """Let the bank approve of a card, and hear of it."""

    def bank(setup_id):
        at_stripe.command(f"intents/{setup_id}/authenticate")
        for _ in range(2):  # Stripe tells it twice
            run(finish_card(at_stripe.get(f"/v1/setup_intents/{setup_id}")))

    return bank


def asked_of_bank(change, subscription):
    answer = change(
        "change_card", subscription, payment_method_id="pm_card_authenticationRequiredOnSetup"
    )
    assert answer.next_action
    return answer.client_secret.partition("_secret_")[0]


class TestCancel:
    def test_now(self, subscribed, change):
        answer = change("cancel", subscribed())

        assert (answer.status, answer.revision) == ("canceled", 2)
        assert answer.ended_at
        assert answer.cancellation_reason == "cancellation_requested"

    def test_now_though_the_answer_is_lost(self, subscribed, change, at_stripe):
        subscription = subscribed()
        lost = {"match": "^DELETE /v1/subscriptions/", "action": "drop_after", "times": 2}
        at_stripe.faults(lost)

        answer = change("cancel", subscription)

        assert (answer.status, answer.refused) == ("canceled", None)

    def test_at_period_end_and_taken_back(self, subscribed, change):
        subscription = subscribed()

        ending = change("cancel", subscription, at_period_end=True)
        back = change("reactivate", subscription)

        assert (ending.status, ending.cancel_at_period_end) == ("active", True)
        assert (back.status, back.cancel_at_period_end) == ("active", False)
        assert [event.revision for event in subscription_updates()] == [1, 2, 3]

    def test_what_has_ended_stays_so(self, subscribed, change):
        subscription = subscribed()
        change("cancel", subscription)

        for action in ("reactivate", "pause", "resume"):
            answer = change(action, subscription)
            assert (answer.status, answer.refused) == ("canceled", "This subscription has ended.")
        again = change("cancel", subscription)
        assert (again.status, again.refused) == ("canceled", None)


class TestPause:
    def test_paused_and_resumed(self, subscribed, change):
        subscription = subscribed()

        assert change("pause", subscription).paused
        assert not change("resume", subscription).paused


class TestPlan:
    def test_customer_pays_what_they_were_shown(self, subscribed, change, clock):
        subscription = subscribed()
        clock.advance(days=10)
        plan = {"subscription_plan_id": "team-monthly", "plan_info": TEAM}
        at = datetime.fromtimestamp(clock.now, UTC)

        shown = change("preview_plan", subscription, timestamp=at, **plan)
        assert (shown.subscription_plan_id, shown.amount) == ("pro-monthly", 1900)
        assert shown.preview.subscription_plan_id == "team-monthly"
        clock.advance(days=1)
        changed = change(
            "change_plan", subscription, proration_date=shown.preview.proration_date, **plan
        )

        assert (changed.subscription_plan_id, changed.amount) == ("team-monthly", 4900)
        invoice = invoice_updates()[-1]
        assert (invoice.billing_reason, invoice.status) == ("subscription_update", "paid")
        assert 0 < invoice.amount_paid == shown.preview.amount_due < 3000

    def test_quantity_alone(self, subscribed, change):
        subscription = subscribed()
        plan = setup_requested().plan_info

        changed = change(
            "change_plan",
            subscription,
            subscription_plan_id="pro-monthly",
            plan_info=plan,
            quantity=3,
        )

        assert (changed.quantity, invoice_updates()[-1].amount_paid) == (3, 3800)

    def test_other_currency_is_refused(self, subscribed, change):
        subscription = subscribed()
        dollars = TEAM.model_copy(update={"currency": "usd"})

        answer = change(
            "change_plan", subscription, subscription_plan_id="team-monthly", plan_info=dollars
        )

        assert answer.refused
        assert (answer.subscription_plan_id, answer.amount) == ("pro-monthly", 1900)

    def test_same_plan_has_one_price_for_all(self, subscribed, at_stripe):
        first, second = subscribed(), subscribed()

        prices = {
            at_stripe.get(f"/v1/subscriptions/{row.stripe_subscription_id}")["items"]["data"][0][
                "price"
            ]["id"]
            for row in (first, second)
        }

        assert len(prices) == 1

    def test_another_price_is_another_price_at_stripe_and_who_runs_keeps_theirs(
        self, subscribed, change, at_stripe
    ):
        def item(subscription):
            at = at_stripe.get(f"/v1/subscriptions/{subscription.stripe_subscription_id}")
            return at["items"]["data"][0]

        first = subscribed()
        before = item(first)
        second = subscribed(plan_info=PRO.model_copy(update={"amount": 2100, "version": 2}))

        change("refresh", first)
        first.refresh_from_db()
        kept, newer = item(first)["price"], item(second)["price"]
        assert item(first) == before
        assert kept["id"] != newer["id"]
        assert kept["product"] == newer["product"]
        assert [kept["unit_amount"], newer["unit_amount"]] == [1900, 2100]
        assert [first.amount, second.amount] == [1900, 2100]


class TestTrial:
    """What is done in a trial costs nothing then, and holds when it ends."""

    @pytest.fixture
    def trying(self, subscribed):
        return subscribed(context={"trial_days": 14})

    @pytest.fixture
    def after_trial(self, trying, clock, change):
        """Let the trial end, and return what was told then."""

        def after_trial():
            clock.reach(trying.trial_end, seconds=2 * 3600)
            return change("refresh", trying)

        return after_trial

    def test_another_plan(self, trying, change, after_trial):
        plan = {"subscription_plan_id": "team-monthly", "plan_info": TEAM}

        shown = change("preview_plan", trying, **plan)
        date = shown.preview.proration_date
        changed = change("change_plan", trying, proration_date=date, **plan)

        assert shown.preview.amount_due == 0
        assert (changed.status, changed.subscription_plan_id) == ("trialing", "team-monthly")
        assert changed.trial_end == trying.trial_end
        assert sum(invoice.amount_paid for invoice in invoice_updates()) == 0
        assert after_trial().status == "active"
        assert (invoice_updates()[-1].status, invoice_updates()[-1].amount_paid) == ("paid", 4900)

    def test_another_card(self, trying, change, after_trial, at_stripe):
        changed = change("change_card", trying, payment_method_id="pm_card_mastercard")

        assert (changed.status, changed.card.brand) == ("trialing", "mastercard")
        assert after_trial().status == "active"
        paid = invoice_updates()[-1]
        intent = at_stripe.payment_intent(paid.payment_intent_id)
        assert intent["payment_method"] == changed.card.payment_method_id

    def test_canceled_at_its_end(self, trying, change, after_trial):
        ending = change("cancel", trying, at_period_end=True)

        assert (ending.status, ending.cancel_at_period_end) == ("trialing", True)
        assert after_trial().status == "canceled"
        assert sum(invoice.amount_paid for invoice in invoice_updates()) == 0

    def test_paused(self, trying, change, after_trial):
        paused = change("pause", trying)

        assert (paused.status, paused.paused) == ("trialing", True)
        assert after_trial().paused
        assert (invoice_updates()[-1].status, invoice_updates()[-1].amount_paid) == ("void", 0)

    def test_resumed(self, trying, change, after_trial):
        change("pause", trying)

        resumed = change("resume", trying)

        assert (resumed.status, resumed.paused) == ("trialing", False)
        assert after_trial().status == "active"
        assert invoice_updates()[-1].amount_paid == 1900


class TestCard:
    def test_another_card_takes_its_place(self, subscribed, change):
        subscription = subscribed()

        answer = change("change_card", subscription, payment_method_id="pm_card_mastercard")

        assert (answer.card.brand, answer.refused) == ("mastercard", None)

    def test_declined_card_changes_nothing(self, subscribed, change):
        subscription = subscribed()

        answer = change("change_card", subscription, payment_method_id="pm_card_chargeDeclined")

        assert answer.card.brand == "visa"
        assert answer.refused == "Your card was declined."

    def test_bank_wants_to_see_the_customer(self, subscribed, change):
        answer = change(
            "change_card",
            subscribed(),
            payment_method_id="pm_card_authenticationRequiredOnSetup",
            return_url="https://shop.example/back",
        )

        assert answer.card.brand == "visa"
        assert answer.client_secret.startswith("seti_")
        assert answer.next_action["type"] == "redirect_to_url"

    def test_is_taken_once_the_bank_has_seen_the_customer(self, subscribed, change, bank):
        subscription = subscribed()
        bank(asked_of_bank(change, subscription))

        assert change("refresh", subscription).card.last4 == "3155"

    def test_that_was_approved_late_leaves_a_newer_one_in_place(
        self, subscribed, change, bank, at_stripe
    ):
        subscription = subscribed()
        setup_id = asked_of_bank(change, subscription)
        first = at_stripe.get(f"/v1/setup_intents/{setup_id}")["created"]
        wait_until(lambda: time.time() >= first + 1, what="another of Stripe's seconds")
        change("change_card", subscription, payment_method_id="pm_card_mastercard")

        bank(setup_id)

        assert change("refresh", subscription).card.brand == "mastercard"

    def test_approved_by_the_bank_pays_what_is_open(self, subscribed, change, bank):
        subscription = subscribed("pm_card_chargeDeclined")
        bank(asked_of_bank(change, subscription))

        assert change("refresh", subscription).status == "active"
        assert invoice_updates()[-1].status == "paid"

    def test_killed_before_it_pays_it_pays_the_next_time(
        self, subscribed, change, run, at_stripe, monkeypatch
    ):
        monkeypatch.setattr(client, "NETWORK_RETRIES", 0)
        subscription = subscribed("pm_card_chargeDeclined")
        setup_id = asked_of_bank(change, subscription)
        at_stripe.command(f"intents/{setup_id}/authenticate")
        setup = at_stripe.get(f"/v1/setup_intents/{setup_id}")
        at_stripe.faults({"match": "^POST /v1/invoices/[^/]+/pay", "action": "drop_before"})
        with pytest.raises(OutcomeUnknown):
            run(finish_card(setup))
        at_stripe.faults()

        run(finish_card(setup))

        assert change("refresh", subscription).status == "active"

    def test_that_is_declined_is_charged_once_whoever_hears_of_it(
        self, subscribed, change, run, at_stripe
    ):
        subscription = subscribed("pm_card_chargeDeclined")
        change("change_card", subscription, payment_method_id="pm_card_chargeCustomerFail")
        subscription.refresh_from_db()
        before = at_stripe.counts()["charge"]
        (setup,) = at_stripe.get("/v1/setup_intents", limit=1)["data"]
        assert setup["payment_method"] == subscription.payment_method_id

        run(finish_card(setup))

        assert at_stripe.counts()["charge"] == before

    def test_pays_what_is_open(self, subscribed, change):
        subscription = subscribed("pm_card_chargeDeclined")
        assert subscription.status == "incomplete"

        answer = change("change_card", subscription, payment_method_id="pm_card_visa")

        assert answer.status == "active"
        assert invoice_updates()[-1].status == "paid"

    def test_unknown_card_is_refused(self, subscribed, change):
        answer = change("change_card", subscribed(), payment_method_id="pm_of_nobody")

        assert "No such" in answer.refused


class TestPay:
    def test_again_after_a_decline(self, subscribed, change, at_stripe):
        subscription = subscribed("pm_card_chargeDeclined")

        declined = change("pay", subscription, payment_method_id="pm_card_chargeCustomerFail")
        assert declined.status == "incomplete"
        assert invoice_updates()[-1].customer_can == "change_card"
        done = change("pay", subscription, payment_method_id="pm_card_visa")

        assert done.status == "active"
        (invoice,) = Invoice.objects.all()
        assert (invoice.status, invoice.amount_paid) == ("paid", 1900)

    def test_with_3d_secure(self, subscribed, change, at_stripe):
        subscription = subscribed("pm_card_chargeDeclined")

        change("pay", subscription, payment_method_id="pm_card_authenticationRequired")
        asked = invoice_updates()[-1]
        assert (asked.status, asked.customer_can) == ("open", "authenticate")
        assert asked.client_secret.startswith(asked.payment_intent_id)
        at_stripe.command(f"intents/{asked.payment_intent_id}/authenticate")

        assert change("refresh", subscription).status == "active"
        assert (invoice_updates()[-1].status, invoice_updates()[-1].customer_can) == ("paid", None)

    def test_card_of_somebody_else_is_refused(self, subscribed, change):
        theirs = subscribed().payment_method_id

        answer = change("pay", subscribed("pm_card_chargeDeclined"), payment_method_id=theirs)

        assert (answer.status, bool(answer.refused)) == ("incomplete", True)

    def test_nothing_is_open(self, subscribed, change):
        subscription = subscribed()

        assert change("pay", subscription).refused is None
        assert "no unpaid invoice" in change("pay", subscription, invoice_id="in_other").refused


class TestByStripesDashboard:
    def test_quantity_of_none_is_told(self, subscribed, change, at_stripe):
        subscription = subscribed()
        path = f"/v1/subscriptions/{subscription.stripe_subscription_id}"
        (item,) = at_stripe.get(path)["items"]["data"]
        at_stripe.post(path, **{"items[0][id]": item["id"], "items[0][quantity]": 0})

        assert change("refresh", subscription).quantity == 0
        subscription.refresh_from_db()
        assert (subscription.quantity, subscription.amount) == (0, 1900)

    def test_metered_price_counts_once(self, subscribed, run):
        subscription = run(fetch_subscription(subscribed().stripe_subscription_id))
        del subscription["items"]["data"][0]["quantity"]

        assert snapshot_of(subscription, []).quantity == 1


class TestWhose:
    def test_subscription_of_somebody_else_is_left_alone(self, subscribed, handle):
        mine, theirs = subscribed(), subscribed()

        with pytest.raises(NotOfThisSubscription):
            handle(
                change_requested(
                    "cancel", mine, stripe_subscription_id=theirs.stripe_subscription_id
                )
            )
