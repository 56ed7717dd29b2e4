import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from customer_project.checkout.subscriptions import services
from customer_project.checkout.subscriptions.states import Step, shown
from customer_project.subscriptions import handlers
from customer_project.subscriptions.models import Plan, Subscription
from customer_project.subscriptions.services import PREVIEW_HOLDS_FOR, save_plan
from tests.customer.conftest import make_customer, make_plan, published, together
from tests.customer.subscribing import NEXT_ACTION, answered, invoiced, previewed, updated

PLAN = "/checkout/plans/pro-monthly/"
ASKED = {"success": False, "status": "incomplete", "next_action": NEXT_ACTION}


@pytest.fixture
def plan(db):
    return make_plan()


@pytest.fixture
def browser(ada, plan):
    browser = Client()
    browser.force_login(ada.user)
    return browser


@pytest.fixture
def running(browser):
    """A subscription that is paid."""
    subscribe(browser)
    subscription = Subscription.objects.get()
    handlers.move_subscriptions_on([answer_to_latest(subscription)])
    handlers.keep_invoices([invoiced(subscription)])
    return subscription


def keep_unpaid(subscription, *, billing_reason="subscription_cycle", **fields):
    about = {"invoice_id": "in_2", "billing_reason": billing_reason, "revision": 2}
    invoice = invoiced(subscription, **about, status="open", amount_paid=0, **fields)
    handlers.keep_invoices([invoice])


def subscribe(browser, *, attempt=0, headers=None, **fields):
    body = {"attempt": attempt, "confirmation_token": f"ctoken_{uuid4().hex}", **fields}
    return browser.post(f"{PLAN}pay/", {"version": 1, "trial_days": 0, **body}, headers=headers)


def offer_form(browser):
    """What the page of the plan sends, beside the card, to subscribe at what it shows."""
    form = re.search(r'<form id="pay".*?</form>', browser.get(PLAN).text, re.DOTALL)
    return dict(re.findall(r'type="hidden" name="(version|trial_days)" value="([^"]*)"', form[0]))


def change_price(plan):
    plan.amount += 600
    save_plan(plan)


def page_of(subscription):
    return f"/checkout/subscriptions/{subscription.pk}/"


def look(browser, subscription, **query):
    return browser.get(f"{page_of(subscription)}status/", query)


def state(response):
    return re.search(r'data-state="(\w+)"', response.text)[1]


def answer_to_latest(subscription, *, what=answered, **fields):
    """What the payment service answers to what was asked last."""
    asked = subscription.events.exclude(what__in=("answered", "updated", "invoice")).last()
    return what(subscription, causation_id=asked.event_id, **fields)


def press(browser, subscription, action, *, attempt=1, **fields):
    body = {"attempt": attempt, "action": action, **fields}
    return browser.post(f"{page_of(subscription)}change/", body)


def preview_form(browser, subscription):
    """What the button under a shown preview sends."""
    form = re.search(
        r'<div class="preview">.*?</form>', look(browser, subscription).text, re.DOTALL
    )
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))
    del fields["csrfmiddlewaretoken"]
    return fields


class TestPlans:
    def test_says_what_it_costs_and_how_often(self, plan):
        make_plan(slug="pro-quarterly", interval_count=3, trial_days=14)
        make_plan(slug="old", name_en="Old", active=False)

        page = Client().get("/checkout/plans/").text

        assert "€19.00 a month" in page
        assert "€19.00 every 3 months" in page
        assert "14 days free at first" in page
        assert "Old" not in page

    def test_in_french(self, browser):
        page = browser.get(PLAN, headers={"Accept-Language": "fr"}).text

        assert "abonner pour 19,00\xa0€ par mois" in page

    def test_a_trial_is_offered_once(self, browser):
        Plan.objects.update(trial_days=14)
        assert "Begin the free trial" in browser.get(PLAN).text
        assert state(subscribe(browser, **offer_form(browser))) == "waiting"
        subscription = Subscription.objects.get()
        assert subscription.trial_days == 14
        handlers.move_subscriptions_on([answer_to_latest(subscription, status="canceled")])

        page = browser.get(PLAN).text

        assert "Begin the free trial" not in page
        assert '"mode": "subscription"' in page


class TestSubscribe:
    def test_publishes_the_token_and_leads_to_the_subscriptions_page(self, browser):
        response = subscribe(browser, confirmation_token="ctoken_1")

        [event] = published()
        assert event.confirmation_token == "ctoken_1"
        assert event.payment_options.return_url == f"http://testserver{PLAN}return/"
        page = page_of(Subscription.objects.get())
        assert f'data-page="{page}#now"' in response.text
        assert state(response) == "waiting"
        assert browser.get(PLAN)["Location"] == page

    def test_repeated_after_its_end_is_known(self, browser):
        subscribe(browser)
        subscription = Subscription.objects.get()
        handlers.move_subscriptions_on([answer_to_latest(subscription, status="canceled")])

        assert state(subscribe(browser)) == "ended"
        assert len(published()) == 1
        assert state(subscribe(browser, attempt=1)) == "waiting"
        assert len(published()) == 2

    def test_at_the_price_that_was_shown_or_not_at_all(self, browser, plan):
        shown = offer_form(browser)
        change_price(plan)

        assert subscribe(browser, **shown).status_code == 409

        assert published() == []
        page = browser.get(PLAN).text
        assert "Nothing was charged" in page
        assert "Subscribe for €25.00 a month" in page
        assert state(subscribe(browser, **offer_form(browser))) == "waiting"
        assert published()[0].plan_info.amount == 2500
        assert "Nothing was charged" not in browser.get(PLAN, follow=True).text

    @pytest.mark.parametrize(("shown", "now"), [(14, 0), (0, 14), (14, 7)])
    def test_with_the_trial_that_was_shown_or_not_at_all(self, browser, shown, now):
        Plan.objects.update(trial_days=shown)
        form = offer_form(browser)
        Plan.objects.update(trial_days=now)

        assert subscribe(browser, **form).status_code == 409

        assert Subscription.objects.count() == 0
        assert "Nothing was charged" in browser.get(PLAN).text

    def test_says_in_french_that_the_price_has_changed(self, browser, plan):
        shown = offer_form(browser)
        change_price(plan)
        french = {"Accept-Language": "fr"}

        subscribe(browser, **shown, headers=french)

        assert "été débité" in browser.get(PLAN, headers=french).text

    def test_what_was_done_at_the_price_of_then_stays_known(self, browser, plan):
        shown = offer_form(browser)
        subscribe(browser, **shown)
        change_price(plan)

        assert state(subscribe(browser, **shown)) == "waiting"
        assert len(published()) == 1

    @pytest.mark.parametrize(
        "wrong",
        [{"confirmation_token": "4242"}, {"attempt": "-1"}, {"version": ""}, {"trial_days": ""}],
    )
    def test_refuses_nonsense(self, browser, wrong):
        assert subscribe(browser, **wrong).status_code == 400
        assert Subscription.objects.count() == 0

    def test_is_its_customers_only(self, running):
        stranger = Client()
        stranger.force_login(make_customer("grace").user)

        for part in ("", "status/", "return/"):
            assert stranger.get(f"{page_of(running)}{part}").status_code == 404
        assert press(stranger, running, "cancel").status_code == 404
        assert Client().get(page_of(running)).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_many_at_once_subscribe_once(ada):
    plan = make_plan()

    def click():
        services.subscribe(
            customer=ada,
            plan=plan,
            attempt=0,
            version=plan.version,
            trial_days=plan.trial_days,
            confirmation_token=f"ctoken_{uuid4().hex}",
            return_url="https://shop.example/",
        )

    together([click] * 6)

    assert len(published()) == 1
    assert Subscription.objects.count() == 1


class TestStatus:
    @pytest.fixture
    def subscription(self, browser):
        subscribe(browser)
        return Subscription.objects.get()

    def test_the_bank_asks_until_it_is_answered(self, browser, subscription):
        told = answer_to_latest(subscription, client_secret="pi_1_secret", **ASKED)
        handlers.move_subscriptions_on([told])
        assert state(look(browser, subscription)) == "action"
        assert "pi_1_secret" in look(browser, subscription).text

        back = browser.post(f"{page_of(subscription)}answered/")

        assert state(back) == "waiting"
        assert published()[-1].action == "refresh"
        assert state(look(browser, subscription, answered=1)) == "waiting"
        assert state(look(browser, subscription)) == "action"
        landed = browser.get(f"{PLAN}return/", {"setup_intent": "seti_1"})
        assert landed["Location"] == f"{page_of(subscription)}?answered=1"

    @pytest.mark.parametrize(
        ("codes", "says"),
        [
            ({"error_code": "card_declined", "decline_code": "insufficient_funds"}, "enough money"),
            ({"error_code": "expired_card"}, "has expired"),
            ({"error_code": "card_declined", "decline_code": "stolen_card"}, "was declined"),
        ],
    )
    def test_a_declined_card(self, browser, subscription, codes, says):
        told = answer_to_latest(subscription, status="incomplete", success=False, **codes)
        handlers.move_subscriptions_on([told])

        page = look(browser, subscription)

        assert state(page) == "payable"
        assert says in page.text
        assert "stolen" not in page.text

    def test_a_renewal_that_the_bank_missed_its_customer_for(self, browser, running):
        handlers.move_subscriptions_on([updated(running, status="past_due", revision=2)])
        error = {"error_code": "authentication_required", "client_secret": "pi_2_secret"}
        keep_unpaid(running, customer_can="authenticate", **error)

        page = look(browser, running)

        assert state(page) == "action"
        assert 'data-secret="pi_2_secret" data-method="pm_1"' in page.text

    def test_what_is_tried_again_needs_no_card(self, browser, running):
        handlers.move_subscriptions_on([updated(running, status="past_due", revision=2)])
        keep_unpaid(running, customer_can="change_card", error_code="expired_card")

        page = look(browser, running)

        assert state(page) == "payable"
        assert "has expired" in page.text

    def test_a_change_of_plan_that_is_not_paid(self, browser, running):
        make_plan(slug="team-monthly")
        assert "See what it costs" in look(browser, running).text
        error = {"customer_can": "change_card", "error_code": "expired_card"}
        keep_unpaid(running, billing_reason="subscription_update", **error)

        page = look(browser, running)

        assert state(page) == "running"
        assert "has expired" in page.text
        assert "Try the same card again" in page.text
        assert "See what it costs" not in page.text

    def test_what_went_back_of_an_invoice(self, browser, running):
        assert "Given back" not in browser.get(page_of(running)).text

        handlers.keep_invoices([invoiced(running, revision=2, amount_refunded=900)])

        assert "Given back €9.00" in browser.get(page_of(running)).text


class TestChange:
    def test_waits_for_its_answer_and_is_asked_once(self, browser, running):
        for _ in range(2):  # a double click
            press(browser, running, "cancel", at_period_end="1")

        assert [getattr(event, "action", None) for event in published()] == [None, "cancel"]
        assert published()[-1].at_period_end
        assert state(look(browser, running)) == "waiting"
        told = answer_to_latest(running, what=updated, revision=2, cancel_at_period_end=True)
        handlers.move_subscriptions_on([told])
        page = look(browser, running)
        assert state(page) == "running"
        assert "Keep the subscription" in page.text

        press(browser, running, "cancel", at_period_end="1")  # the first click, repeated
        assert len(published()) == 2

    def test_an_end_on_a_date_is_shown_and_can_be_taken_back(self, browser, running):
        period_end = datetime(2026, 12, 22, tzinfo=UTC)
        for revision, ends, is_renewed in (
            (2, period_end.replace(year=2027), True),
            (3, period_end, False),
        ):
            told = updated(
                running, revision=revision, current_period_end=period_end, cancel_at=ends
            )
            handlers.move_subscriptions_on([told])
            page = look(browser, running).text
            assert "Ends on</dt><dd>Dec. 22, " + str(ends.year) in page
            assert ("Next payment</dt><dd>Dec. 22, 2026" in page) == is_renewed

        press(browser, running, "reactivate")

        assert published()[-1].action == "reactivate"

    def test_what_cannot_be_done_any_more_is_not(self, browser, running):
        handlers.move_subscriptions_on([updated(running, status="canceled", revision=2)])

        assert press(browser, running, "cancel")["Location"] == page_of(running)
        assert len(published()) == 1

    def test_a_change_of_plan_keeps_the_previews_date(self, browser, running):
        make_plan(slug="pro-yearly", name_en="Pro for a year", interval="year")
        press(browser, running, "preview_plan", plan="pro-yearly")
        told = previewed(running, amount_due=4200)
        handlers.move_subscriptions_on([told])
        assert "€42.00" in look(browser, running).text

        press(browser, running, **preview_form(browser, running))

        asked = published()[-1]
        assert (asked.action, asked.plan_info.amount) == ("change_plan", 1900)
        assert asked.proration_date == told.preview.proration_date

    def test_a_preview_begins_when_it_is_asked_for(self, browser, running):
        month_ago = timezone.now() - timedelta(days=30)

        press(
            browser,
            running,
            "preview_plan",
            plan="pro-monthly",
            proration_date=month_ago.isoformat(),
        )

        assert published()[-1].proration_date is None

    @pytest.mark.parametrize(
        "wrong", [{"proration_date": "2026-11-01"}, {"plan": "pro-daily"}], ids=["date", "plan"]
    )
    def test_a_change_that_was_not_previewed_is_shown_first(self, browser, running, wrong):
        make_plan(slug="pro-yearly", interval="year")
        make_plan(slug="pro-daily", interval="day")
        press(browser, running, "preview_plan", plan="pro-yearly")
        handlers.move_subscriptions_on([previewed(running)])

        press(browser, running, **preview_form(browser, running) | wrong)

        assert "Nothing was charged" in browser.get(page_of(running)).text
        assert [event.action for event in published()[1:]] == ["preview_plan"] * 2
        assert published()[-1].subscription_plan_id == wrong.get("plan", "pro-yearly")

    def test_a_change_that_names_no_preview_is_shown_first(self, browser, running):
        make_plan(slug="pro-yearly", interval="year")

        press(browser, running, "change_plan", plan="pro-yearly")

        assert published()[-1].action == "preview_plan"

    def test_a_change_at_another_price_than_shown_is_shown_first(self, browser, running):
        yearly = make_plan(slug="pro-yearly", interval="year")
        press(browser, running, "preview_plan", plan="pro-yearly")
        handlers.move_subscriptions_on([previewed(running)])
        form = preview_form(browser, running)
        change_price(yearly)

        press(browser, running, **form)

        assert "The price has changed" in browser.get(page_of(running)).text
        assert [event.action for event in published()[1:]] == ["preview_plan"] * 2
        handlers.move_subscriptions_on([previewed(running, revision=3)])
        press(browser, running, **preview_form(browser, running))
        assert published()[-1].action == "change_plan"
        assert published()[-1].plan_info.amount == 2500

    def test_what_has_ended_is_not_previewed_again(self, browser, running):
        handlers.move_subscriptions_on([updated(running, status="canceled", revision=2)])

        response = press(browser, running, "change_plan", plan="pro-monthly")

        assert response["Location"] == page_of(running)
        assert len(published()) == 1
        assert "Nothing was charged" not in browser.get(page_of(running)).text

    def test_a_preview_of_long_ago_is_made_again(self, browser, running):
        make_plan(slug="pro-yearly", interval="year")
        press(browser, running, "preview_plan", plan="pro-yearly")
        old = timezone.now() - PREVIEW_HOLDS_FOR - timedelta(minutes=1)
        handlers.move_subscriptions_on([previewed(running, proration_date=old)])

        form = preview_form(browser, running)

        for _ in range(2):  # a double click
            press(browser, running, **form)
        assert [event.action for event in published()[1:]] == ["preview_plan"] * 2
        handlers.move_subscriptions_on([previewed(running, revision=3)])
        press(browser, running, **preview_form(browser, running))

        assert published()[-1].action == "change_plan"

    def test_a_card_that_is_declined_changes_nothing(self, browser, running):
        body = {"attempt": 1, "confirmation_token": "ctoken_2"}
        browser.post(f"{page_of(running)}card/pay/", body)
        assert published()[-1].confirmation_token == "ctoken_2"
        told = answer_to_latest(running, what=updated, revision=2, refused="Stripe's words")
        handlers.move_subscriptions_on([told])

        page = look(browser, running).text

        assert "Your card was declined" in page
        assert "Stripe&#x27;s words" not in page

    def test_answered_while_its_page_is_made(self, browser, running):
        """The row was read before the answer came: it is read again, with what the answer says."""
        body = {"attempt": 1, "confirmation_token": "ctoken_2"}
        assert state(browser.post(f"{page_of(running)}card/pay/", body)) == "waiting"
        found = Subscription.objects.get()
        asks = {"client_secret": "seti_1_secret", "next_action": NEXT_ACTION}
        told = answer_to_latest(running, what=updated, revision=2, **asks)
        handlers.move_subscriptions_on([told])

        where = shown(found)

        assert (where.step, where.secret) == (Step.ACTION, "seti_1_secret")


def test_policy_allows_stripe_where_cards_are_taken(browser, running, settings):
    origin = "/".join(settings.STRIPE_JS_URL.split("/")[:3])

    for path, takes_cards in (("/checkout/plans/", False), (page_of(running), True)):
        policy = browser.get(path).headers["Content-Security-Policy"]
        assert (origin in policy) is takes_cards
        assert "unsafe" not in policy
