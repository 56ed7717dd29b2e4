"""Renewals: paid, failed, needing the customer; what is told of them, and how it ends."""

from typing import ClassVar

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks

from kafka_bridge.contracts import PaymentMeasured, SubscriptionUpdateRequested
from payment_project.celery import app
from payment_project.subscriptions.models import DunningPolicy, Invoice, Subscription
from payment_project.subscriptions.tasks import end_unpaid
from tests.at_stripe import DAY
from tests.payment.conftest import invoice_updates, published, subscription_updates
from tests.payment.subscribing import PRO, TEAM, Clock

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3600
GOOD, BAD = "pm_card_visa", "pm_card_chargeCustomerFail"
NEEDS_CUSTOMER = "pm_card_authenticationRequired"


@pytest.fixture
def clock(at_stripe):
    return Clock(at_stripe, days_ago=75)  # what is long ago to Stripe is so to us


@pytest.fixture
def give_card(at_stripe):
    """Have a subscription charged with another card, by Stripe's dashboard."""

    return lambda subscription, card: at_stripe.give_card(subscription.stripe_subscription_id, card)


@pytest.fixture
def set_at_stripe(at_stripe):
    """Set what Stripe does after its last attempt."""
    yield lambda setting: at_stripe.command("billing", after_retries=setting)
    at_stripe.command("billing", after_retries="cancel")


@pytest.fixture
def renewed(subscribed, give_card, clock, change):
    """Subscribe, and let the first renewal be tried with a card."""

    def renewed(card=GOOD):
        subscription = subscribed()
        give_card(subscription, card)
        clock.reach(subscription.current_period_end, seconds=2 * HOUR)
        change("refresh", subscription)
        subscription.refresh_from_db()
        return subscription

    return renewed


@pytest.fixture
def try_again(clock, change):
    """Let Stripe's next attempt pass, and look."""

    def try_again(subscription):
        clock.reach(invoice_updates()[-1].next_attempt_at, seconds=60)
        change("refresh", subscription)
        subscription.refresh_from_db()
        return invoice_updates()[-1]

    return try_again


def asked_to_end():
    end_unpaid()
    return [event for event in published() if isinstance(event, SubscriptionUpdateRequested)]


class TestPaid:
    def test_is_told_and_counted_once(self, renewed, change):
        subscription = renewed()
        change("refresh", subscription)

        first, renewal = invoice_updates()
        assert (renewal.billing_reason, renewal.status) == ("subscription_cycle", "paid")
        assert (renewal.amount_due, renewal.amount_paid, renewal.attempt) == (1900, 1900, 1)
        assert renewal.customer_can is None
        assert renewal.period_start == first.period_end == subscription.current_period_start
        measured = [event for event in published() if isinstance(event, PaymentMeasured)]
        assert [event.payment_type for event in measured] == [
            "subscription_first",
            "subscription_renewal",
        ]
        assert measured[1].amount_captured == 1900
        assert subscription.status == "active"


class TestFailed:
    def test_says_when_it_is_tried_again_and_what_the_customer_can_do(self, renewed):
        subscription = renewed(BAD)

        renewal = invoice_updates()[-1]
        assert subscription.status == subscription_updates()[-1].status == "past_due"
        assert (renewal.status, renewal.amount_paid, renewal.attempt) == ("open", 0, 1)
        assert (renewal.error_code, renewal.decline_code) == ("card_declined", "generic_decline")
        days = (renewal.next_attempt_at - renewal.period_start).total_seconds() / DAY
        assert days == pytest.approx(3, abs=0.1)
        assert renewal.customer_can == "change_card"
        assert renewal.client_secret
        assert renewal.revision == subscription.revision

    def test_recovers_when_the_card_works_again(self, renewed, give_card, try_again):
        subscription = renewed(BAD)
        give_card(subscription, GOOD)

        renewal = try_again(subscription)

        assert (renewal.status, renewal.attempt, renewal.customer_can) == ("paid", 2, None)
        assert (subscription.status, subscription.unpaid_since) == ("active", None)

    def test_recovers_at_once_with_another_card(self, renewed, change):
        subscription = renewed(BAD)

        answer = change("change_card", subscription, payment_method_id="pm_card_mastercard")

        assert (answer.status, answer.card.brand) == ("active", "mastercard")
        assert (invoice_updates()[-1].status, invoice_updates()[-1].amount_paid) == ("paid", 1900)

    @pytest.mark.parametrize(("setting", "status"), [("cancel", "canceled"), ("unpaid", "unpaid")])
    def test_ends_as_stripe_is_set(self, renewed, try_again, set_at_stripe, setting, status):
        set_at_stripe(setting)
        subscription = renewed(BAD)

        for _ in range(3):
            renewal = try_again(subscription)

        assert (renewal.attempt, renewal.next_attempt_at) == (4, None)
        assert (subscription.status, subscription_updates()[-1].status) == (status, status)
        is_over = setting == "cancel"
        assert renewal.customer_can == ("nothing" if is_over else "change_card")
        assert subscription.cancellation_reason == ("payment_failed" if is_over else "")


class TestLateInSeveralPeriods:
    @pytest.fixture
    def late_twice(self, renewed, clock, change, set_at_stripe):
        """Let two renewals be tried in vain."""
        set_at_stripe("past_due")
        subscription = renewed(BAD)
        clock.reach(subscription.current_period_end, seconds=2 * HOUR)
        change("refresh", subscription)
        assert Invoice.objects.filter(status="open").count() == 2
        return subscription

    @pytest.fixture
    def unpaid(self, renewed, try_again, clock, change, set_at_stripe):
        """Let Stripe give up, and the next period begin: its invoice stays a draft."""
        set_at_stripe("unpaid")
        subscription = renewed(BAD)
        for _ in range(3):
            try_again(subscription)
        clock.reach(subscription.current_period_end, seconds=2 * HOUR)
        change("refresh", subscription)
        assert (subscription.status, invoice_updates()[-1].status) == ("unpaid", "draft")
        return subscription

    @pytest.mark.parametrize("late", ["late_twice", "unpaid"])
    @pytest.mark.parametrize(
        ("action", "card"), [("pay", GOOD), ("change_card", "pm_card_mastercard")]
    )
    def test_all_is_paid_the_oldest_first(self, request, change, late, action, card):
        subscription = request.getfixturevalue(late)

        answer = change(action, subscription, payment_method_id=card)

        assert answer.status == "active"
        assert {one.status for one in Invoice.objects.all()} == {"paid"}
        older, newer = [one for one in invoice_updates() if one.status == "paid"][-2:]
        assert older.period_start < newer.period_start
        subscription.refresh_from_db()
        assert subscription.unpaid_since is None

    def test_first_decline_is_the_last_attempt(self, late_twice, change, at_stripe):
        before = at_stripe.counts()["charge"]

        change("pay", late_twice)

        assert at_stripe.counts()["charge"] == before + 1
        assert Invoice.objects.filter(status="open").count() == 2


class TestAnotherPlan:
    """Nobody is credited for a time that they have not paid for."""

    PLAN: ClassVar = {"subscription_plan_id": "team-monthly", "plan_info": TEAM}

    @pytest.fixture
    def refused(self, change):
        """Ask for another plan and for what it costs, and return why neither was done."""

        def refused(subscription):
            before = (subscription.subscription_plan_id, subscription.quantity)
            shown = change("preview_plan", subscription, **self.PLAN)
            answer = change("change_plan", subscription, **self.PLAN)
            assert (answer.subscription_plan_id, answer.quantity) == before
            assert (shown.preview, answer.refused) == (None, shown.refused)
            return answer.refused

        return refused

    @pytest.fixture
    def balance(self, at_stripe):
        def balance(subscription):
            of = at_stripe.get(f"/v1/subscriptions/{subscription.stripe_subscription_id}")
            return at_stripe.get(f"/v1/customers/{of['customer']}")["balance"]

        return balance

    @pytest.fixture
    def declined(self, subscribed, give_card, change):
        """Ask for more with a card that is declined."""
        subscription = subscribed()
        give_card(subscription, BAD)
        many = {"subscription_plan_id": "pro-monthly", "plan_info": PRO, "quantity": 1000}
        answer = change("change_plan", subscription, **many)
        assert (answer.status, answer.quantity, answer.refused) == ("active", 1, None)
        assert invoice_updates()[-1].amount_due == 999 * 1900
        return subscription

    def test_not_while_past_due(self, renewed, refused, balance):
        subscription = renewed(BAD)

        assert refused(subscription) == "An invoice is not paid. Pay it first."
        assert balance(subscription) == 0

    def test_not_while_unpaid(self, renewed, try_again, set_at_stripe, refused):
        set_at_stripe("unpaid")
        subscription = renewed(BAD)
        for _ in range(3):
            try_again(subscription)

        assert subscription.status == "unpaid"
        assert refused(subscription) == "An invoice is not paid. Pay it first."

    def test_not_while_paused(self, renewed, change, refused):
        subscription = renewed()
        change("pause", subscription)

        assert refused(subscription) == "This subscription is paused. Resume it first."
        change("resume", subscription)
        assert change("change_plan", subscription, **self.PLAN).amount == TEAM.amount

    def test_not_while_the_last_change_is_not_paid(self, declined, change, refused, balance):
        assert refused(declined) == "An invoice is not paid. Pay it first."
        change("change_plan", declined, subscription_plan_id="pro-monthly", plan_info=PRO)
        assert balance(declined) == 0

    def test_asked_again_after_a_decline_is_no_other_change(self, declined, change, at_stripe):
        before = at_stripe.counts()
        many = {"subscription_plan_id": "pro-monthly", "plan_info": PRO, "quantity": 1000}

        assert change("change_plan", declined, **many).refused is None
        assert at_stripe.counts() == before

    def test_comes_once_its_invoice_is_paid(self, declined, change):
        change("change_card", declined, payment_method_id="pm_card_mastercard")

        answer = subscription_updates()[-1]
        assert (answer.status, answer.quantity) == ("active", 1000)
        assert invoice_updates()[-1].amount_paid == 999 * 1900

    def test_comes_once_the_bank_has_seen_the_customer(
        self, subscribed, give_card, change, at_stripe
    ):
        subscription = subscribed()
        give_card(subscription, NEEDS_CUSTOMER)
        assert change("change_plan", subscription, **self.PLAN).amount == PRO.amount
        asked = invoice_updates()[-1]
        assert (asked.status, asked.customer_can) == ("open", "authenticate")
        assert asked.client_secret.startswith(asked.payment_intent_id)

        at_stripe.command(f"intents/{asked.payment_intent_id}/authenticate")

        answer = change("refresh", subscription)
        assert (answer.status, answer.amount) == ("active", TEAM.amount)
        assert invoice_updates()[-1].amount_paid > 0

    def test_that_nobody_paid_is_given_up_after_a_day(self, declined, clock, change):
        asked = invoice_updates()[-1].invoice_id
        clock.advance(days=1)

        change("refresh", declined, invoice_id=asked)

        assert invoice_updates()[-1].status == "void"
        assert change("change_plan", declined, **self.PLAN).refused is None


class TestNeedsTheCustomer:
    def test_recovers_once_they_have_been_at_the_bank(self, renewed, change, at_stripe):
        subscription = renewed(NEEDS_CUSTOMER)
        renewal = invoice_updates()[-1]
        assert (renewal.error_code, renewal.customer_can) == (
            "authentication_required",
            "authenticate",
        )
        assert at_stripe.payment_intent(renewal.payment_intent_id)["latest_charge"] is None

        change("pay", subscription)
        at_stripe.command(f"intents/{renewal.payment_intent_id}/authenticate")
        answer = change("refresh", subscription)

        assert answer.status == "active"
        assert (invoice_updates()[-1].status, invoice_updates()[-1].amount_paid) == ("paid", 1900)


class TestEnded:
    def test_nothing_can_be_done_about_any_unpaid_invoice(
        self, renewed, clock, change, set_at_stripe
    ):
        set_at_stripe("past_due")
        subscription = renewed(BAD)
        clock.reach(subscription.current_period_end, seconds=2 * HOUR)
        change("refresh", subscription)
        assert Invoice.objects.filter(customer_can="change_card").count() == 2

        change("cancel", subscription)

        unpaid = Invoice.objects.filter(status="open")
        assert [invoice.customer_can for invoice in unpaid] == ["nothing", "nothing"]


class TestPolicy:
    def test_who_may_be_charged_later_is_not_bothered_early(self, renewed, try_again):
        DunningPolicy.objects.create(retry_codes="lost generic_decline", tell_from_attempt=2)
        subscription = renewed(BAD)
        told = [invoice_updates()[-1].customer_can]

        told += [try_again(subscription).customer_can for _ in range(2)]

        assert told == [None, "wait", "wait"]

    def test_after_so_many_days_it_is_to_end(self, renewed, handle):
        subscription = renewed(BAD)

        (event,) = asked_to_end()
        assert asked_to_end() == [event]
        handle(event)

        assert (event.action, event.customer_id) == ("cancel", subscription.customer_id)
        assert subscription_updates()[-1].status == "canceled"
        assert invoice_updates()[-1].customer_can == "nothing"
        assert Subscription.objects.get().unpaid_since is None

    def test_asked_about_again_it_is_another_event(self, renewed):
        renewed(BAD)
        (first,) = asked_to_end()
        Subscription.objects.update(ending_asked_at=None)  # it was paid, and that was taken back

        events = asked_to_end()

        assert [event.invoice_id for event in events] == [first.invoice_id] * 2
        assert len({event.event_id for event in events}) == 2

    def test_until_then_it_goes_on(self, renewed):
        DunningPolicy.objects.create(end_after_days=60)
        renewed(BAD)

        assert asked_to_end() == []

    def test_after_so_many_attempts_it_is_to_end(self, renewed, try_again):
        DunningPolicy.objects.create(end_after_attempts=2)
        subscription = renewed(BAD)
        assert asked_to_end() == []

        try_again(subscription)

        assert len(asked_to_end()) == 1

    def test_may_leave_it_unpaid(self, renewed):
        DunningPolicy.objects.create(end_after_days=1, at_end="leave")
        renewed(BAD)

        assert asked_to_end() == []

    def test_nothing_is_asked_between_whether_it_is_unpaid_and_the_end(
        self, renewed, handle, at_stripe
    ):
        subscription = renewed(BAD)
        (event,) = asked_to_end()
        at_stripe.count_looks(subscription.stripe_subscription_id)

        handle(event)

        assert at_stripe.looks() == [2]  # before all that, and how it is then
        assert subscription_updates()[-1].status == "canceled"

    def test_who_paid_meanwhile_goes_on(self, renewed, change, handle):
        subscription = renewed(BAD)
        (event,) = asked_to_end()
        change("pay", subscription, payment_method_id=GOOD)

        handle(event)

        assert subscription_updates()[-1].status == "active"
        assert Invoice.objects.filter(status="open").count() == 0

    def test_whose_invoice_was_written_off_goes_on(self, renewed, handle, at_stripe):
        renewed(BAD)
        (event,) = asked_to_end()
        at_stripe.post(f"/v1/invoices/{event.invoice_id}/mark_uncollectible")

        handle(event)

        assert subscription_updates()[-1].ended_at is None

    def test_whose_invoice_was_deleted_by_hand_keeps_nobody_waiting(self, renewed):
        DunningPolicy.objects.create(end_after_attempts=1)
        by_hand, late = renewed(BAD), renewed(BAD)
        Invoice.objects.filter(subscription=by_hand).delete()

        assert [event.subscription_id for event in asked_to_end()] == [late.id]

    def test_counts_from_the_oldest_invoice_that_is_open(
        self, renewed, clock, change, set_at_stripe
    ):
        set_at_stripe("past_due")
        subscription = renewed(BAD)
        since, first = subscription.unpaid_since, invoice_updates()[-1].invoice_id
        clock.reach(subscription.current_period_end, seconds=2 * HOUR)

        change("refresh", subscription)

        subscription.refresh_from_db()
        second = invoice_updates()[-1]
        assert (second.status, second.attempt) == ("open", 1)
        assert subscription.unpaid_since == since < second.period_start
        assert asked_to_end()[0].invoice_id == first != second.invoice_id

    def test_beat_asks(self):
        tasks = {entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}

        app.loader.import_default_modules()

        assert end_unpaid.name in tasks <= set(app.tasks)

    @pytest.mark.parametrize(
        "wrong", [{"tell": 1}, {"at_end": "shout"}, {"end_after_days": 0}, {"retry_codes": 3}]
    )
    def test_nonsense_in_the_settings_is_found_at_start(self, settings, wrong):
        assert [found for found in run_checks() if found.id == "subscriptions.E001"] == []

        settings.DUNNING = {**settings.DUNNING, **wrong}

        assert [found for found in run_checks() if found.id == "subscriptions.E001"]
