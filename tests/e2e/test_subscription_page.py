"""The subscription page in a real browser, against the running services and Stripe's emulator."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.at_stripe import DAY
from tests.e2e.shop import CHALLENGED, GOOD, PHONE, WITHOUT_MONEY, cookies_of, visits

ENDED = ("canceled", "incomplete_expired", "failed")


@pytest.fixture(scope="module")
def logged_in(chromium, stack, seeds):
    """Grace's cookies: no other test subscribes her to anything."""
    return cookies_of("grace", chromium=chromium, url=stack.urls["customer"])


@pytest.fixture
def subscriptions(grace):
    """Return a function that asks for hers which have not ended."""
    url = f"{grace.base_url}/api/subscriptions/"

    def running():
        found = grace._session.get(url, timeout=30).json()["results"]
        return [one for one in found if one["status"] not in ENDED]

    for one in running():
        grace.subscription_when(one["id"], lambda found: found["status"] != "requested")
        grace.change_subscription(one["id"], "cancel")
        grace.subscription_when(one["id"], lambda found: found["status"] in ENDED)
    return running


@pytest.fixture
def visit(chromium, stack, screenshots, logged_in, subscriptions):
    if not stack.uses_emulator:
        pytest.skip("Stripe's own Payment Element is not typed into: unset STRIPE_API_KEY.")
    with visits(chromium, stack.urls["customer"], screenshots, customer=logged_in) as visit:
        yield visit


@pytest.fixture
def shop(visit):
    return visit()


def choose(shop, plan="Coffee, a bag"):
    """Choose a plan: by its name in the page's language."""
    shop.open("plans/")
    shop.page.get_by_role("link", name=re.compile(f"^(Choose|Choisir) {plan}")).click()
    expect(shop.card.locator("#number")).to_be_visible()


def subscribe(shop, number=GOOD):
    choose(shop)
    shop.pay(number)
    shop.expect_state("running" if number == GOOD else "payable")


def press(shop, name):
    shop.page.get_by_role("button", name=name, exact=True).click()


class TestSubscribing:
    def test_by_keyboard(self, shop, subscriptions):
        choose(shop)
        shop.screenshot("plan")
        shop.card.locator("#number").focus()
        for text in (GOOD, "12/40", "987"):
            shop.page.keyboard.type(text)
            shop.page.keyboard.press("Tab")
        shop.page.keyboard.press("Enter")

        shop.expect_state("running")

        shop.expect_text("You are subscribed")
        shop.expect_text("4242")
        expect(shop.page.locator(".invoices .tag.paid")).to_have_count(1)
        shop.screenshot("subscribed")
        assert [one["status"] for one in subscriptions()] == ["active"]
        choose_again = shop.page.url
        shop.open("plans/coffee-monthly/")
        assert shop.page.url == choose_again.split("#")[0]

    def test_two_tabs_and_a_double_click(self, visit, subscriptions):
        tabs = visit(), visit()
        for tab in tabs:
            choose(tab)
            tab.type_card(GOOD)

        tabs[0].pay_button.dblclick()
        tabs[1].pay_button.click()

        for tab in tabs:
            tab.expect_state("running")
        assert tabs[0].page.url == tabs[1].page.url
        assert len(subscriptions()) == 1

    def test_answer_is_lost(self, shop, subscriptions):
        choose(shop)
        shop.type_card(GOOD)

        def lose_the_answer(route):
            route.fetch()
            route.abort()

        shop.page.route("**/pay/", lose_the_answer, times=1)
        shop.pay_button.click()

        shop.expect_state("running")
        assert len(subscriptions()) == 1
        shop.problems[:] = [text for text in shop.problems if "ERR_FAILED" not in text]

    def test_declined_then_with_another_card(self, shop, subscriptions):
        subscribe(shop, WITHOUT_MONEY)
        shop.expect_text("There is not enough money on this card.")
        shop.screenshot("subscription-declined")

        shop.pay(GOOD)

        shop.expect_state("running")
        assert [one["status"] for one in subscriptions()] == ["active"]

    def test_with_a_trial(self, shop, subscriptions):
        choose(shop, "Coffee and tea")
        expect(shop.pay_button).to_have_text("Begin the free trial", use_inner_text=True)
        shop.pay(GOOD)

        shop.expect_state("running")

        shop.expect_text("Your free trial has begun")
        shop.screenshot("trial")
        assert [one["status"] for one in subscriptions()] == ["trialing"]


class TestThreeDSecure:
    @pytest.fixture
    def challenged(self, shop):
        choose(shop)
        shop.pay(CHALLENGED)
        expect(shop.bank.get_by_text("Your emulated bank asks")).to_be_visible()
        return shop

    def test_in_the_page(self, challenged, subscriptions):
        challenged.bank.get_by_role("button", name="Complete").click()

        challenged.expect_state("running")
        assert [one["status"] for one in subscriptions()] == ["active"]

    def test_failed_then_with_another_card(self, challenged):
        challenged.bank.get_by_role("button", name="Fail").click()
        challenged.expect_text("Your bank could not make sure that it is you.")

        challenged.pay(GOOD)

        challenged.expect_state("running")

    def test_left_and_gone_on_with_later(self, challenged):
        challenged.page.reload()
        challenged.expect_text("Your bank wants to know that it is you")
        challenged.screenshot("subscription-action")

        press(challenged, "Go on with your bank")
        challenged.bank.get_by_role("button", name="Complete").click()

        challenged.expect_state("running")


class TestChanges:
    @pytest.fixture
    def subscribed(self, shop):
        subscribe(shop)
        return shop

    def test_an_end_on_a_date_set_in_the_dashboard_is_taken_back(
        self, at_stripe, grace, subscribed, subscriptions
    ):
        [mine] = subscriptions()
        in_half_a_year = int(time.time()) + 180 * DAY
        path = f"/v1/subscriptions/{mine['stripe_subscription_id']}"

        at_stripe.post(path, cancel_at=in_half_a_year)

        grace.subscription_when(mine["id"], lambda found: found["cancel_at"])
        subscribed.page.reload()
        subscribed.expect_text("Next payment")
        subscribed.expect_text("Ends on")
        subscribed.screenshot("ends-on-a-date")
        press(subscribed, "Keep the subscription")
        subscribed.expect_text("You are subscribed")
        assert subscriptions()[0]["cancel_at"] is None

    def test_canceled_at_the_end_taken_back_and_canceled_now(self, subscribed, subscriptions):
        press(subscribed, "Cancel at the end of the period")
        subscribed.expect_text("Your subscription runs to its end")
        assert subscriptions()[0]["cancel_at_period_end"]
        press(subscribed, "Keep the subscription")
        subscribed.expect_text("You are subscribed")
        assert not subscriptions()[0]["cancel_at_period_end"]

        subscribed.page.locator("summary").click()
        subscribed.screenshot("cancel-now")
        press(subscribed, "Cancel now")

        subscribed.expect_state("ended")
        subscribed.screenshot("ended")
        assert subscriptions() == []

    def test_another_plan_costs_what_the_page_said(self, subscribed, grace, subscriptions):
        subscribed.page.get_by_label("Change to").select_option("coffee-yearly")
        press(subscribed, "See what it costs")
        subscribed.expect_text("Changing to Coffee for a year costs")
        subscribed.screenshot("preview")
        said = subscribed.page.locator(".preview .price").inner_text()

        press(subscribed, "Change now")

        subscribed.expect_text("€119.00 a year")
        expect(subscribed.page.locator(".invoices .price").first).to_have_text(said)
        [changed] = subscriptions()
        newest = grace.get_subscription(changed["id"], "invoices/")[0]
        assert newest["status"] == "paid"

    def test_another_card_that_the_bank_asks_about(self, subscribed):
        press(subscribed, "Change card")
        expect(subscribed.card.locator("#number")).to_be_visible()
        subscribed.screenshot("change-card")
        subscribed.pay(CHALLENGED)
        subscribed.bank.get_by_role("button", name="Complete").click()

        subscribed.expect_text("3220")
        subscribed.expect_state("running")

    def test_what_happens_elsewhere_is_seen(self, subscribed, grace, subscriptions):
        grace.change_subscription(subscriptions()[0]["id"], "cancel")

        subscribed.expect_state("ended")


class TestEverybody:
    @pytest.mark.parametrize(("language", "colours"), [("en-GB", "light"), ("fr-FR", "dark")])
    def test_on_a_phone_and_axe_finds_nothing(self, visit, language, colours):
        phone = {"viewport": PHONE, "has_touch": True, "device_scale_factor": 2}
        shop = visit(language=language, color_scheme=colours, **phone)
        violations = []

        def look(name):
            violations.extend(shop.axe_violations())
            shop.screenshot(f"phone-{colours}-{name}")
            assert not shop.is_too_wide()

        shop.open("plans/")
        look("plans")
        choose(shop, "Café, un paquet" if language == "fr-FR" else "Coffee, a bag")
        look("plan")
        shop.pay(WITHOUT_MONEY)
        shop.expect_state("payable")
        expect(shop.page.locator("#where h2.problem")).to_be_visible()
        expect(shop.card.locator("#number")).to_be_visible()
        look("plan-declined")
        shop.pay(GOOD)
        shop.expect_state("running")
        look("subscription")
        shop.page.locator("summary").click()
        shop.page.locator("button.danger").click()
        shop.expect_state("ended")
        look("subscription-ended")

        assert violations == []
