"""The checkout page in a real browser, against the running services and Stripe's emulator."""

import pytest
import requests
from playwright.sync_api import expect

from devstack.waiting import wait_until
from tests.e2e.shop import CHALLENGED, GOOD, PHONE, WITHOUT_MONEY, cookies_of, visits
from tests.e2e.test_three_d_secure import UNCONFIRMED

SEEN_ONLY = "pm_card_authenticationRequired"
CREATE = "POST /v1/payment_intents$"


@pytest.fixture(scope="module")
def logged_in(chromium, stack, seeds):
    """Ada's cookies, so that she logs in once."""
    return cookies_of("ada", chromium=chromium, url=stack.urls["customer"])


@pytest.fixture
def visit(chromium, stack, screenshots, logged_in):
    """Open the shop; in the end nothing may have gone wrong, and we may not know any card."""
    if not stack.uses_emulator:
        pytest.skip("Stripe's own Payment Element is not typed into: unset STRIPE_API_KEY.")
    with visits(chromium, stack.urls["customer"], screenshots, customer=logged_in) as visit:
        yield visit


@pytest.fixture
def shop(visit):
    return visit()


@pytest.fixture
def faults(stack):
    def ask(*entries):
        url = f"{stack.stripe_url}/_emulator/faults"
        requests.post(url, json=entries, timeout=30).raise_for_status()

    yield ask
    ask()


@pytest.fixture
def at_stripe(stack):
    """Return a function that looks at an object of Stripe's."""

    def look(path):
        headers = {"Authorization": "Bearer sk_test_shop"}
        return requests.get(f"{stack.stripe_url}/v1/{path}", headers=headers, timeout=30).json()

    return look


class TestPaying:
    def test_with_a_good_card_by_keyboard(self, visit, audit, at_stripe):
        shop = visit(customer=None)
        shop.open()
        shop.screenshot("catalogue-anonymous")
        shop.page.get_by_role("link", name="Log in to buy Coffee").click()
        shop.screenshot("login")
        for text in ("ada", "ada"):
            shop.page.keyboard.type(text)
            shop.page.keyboard.press("Tab")
        shop.page.keyboard.press("Enter")
        buy = shop.page.get_by_role("button", name="Buy Coffee")
        buy.focus()
        shop.page.keyboard.press("Enter")
        shop.card.locator("#number").focus()
        for text in (GOOD, "12/40", "987"):
            shop.page.keyboard.type(text)
            shop.page.keyboard.press("Tab")
        shop.page.keyboard.press("Space")
        expect(shop.page.get_by_label("Save this card")).to_be_checked()
        shop.screenshot("order")
        shop.page.keyboard.press("Tab")
        shop.page.keyboard.press("Enter")

        shop.expect_state("paid")

        shop.expect_text("€12.90")
        shop.screenshot("receipt")
        assert audit(payment_intent=shop.payment_intent)["succeeded"] == 1
        intent = at_stripe(f"payment_intents/{shop.payment_intent}")
        assert intent["setup_future_usage"] == "off_session"
        assert intent["customer"]

    def test_declined_then_with_another_card(self, shop, audit):
        before = audit()
        shop.order("Coffee")
        shop.pay(WITHOUT_MONEY)
        shop.expect_text("There is not enough money on this card.")
        shop.screenshot("declined")

        shop.pay(GOOD)

        shop.expect_state("paid")
        shop.page.reload()
        shop.expect_state("paid")
        after = audit()
        assert after["succeeded"] - before["succeeded"] == 1
        assert after["charges"] - before["charges"] == 2

    def test_incomplete_card_goes_nowhere(self, shop):
        shop.order("Coffee")
        shop.pay("4242")

        expect(shop.page.get_by_role("alert")).to_have_text("Your card number is incomplete.")
        expect(shop.pay_button).to_be_enabled()
        assert shop.fields == set()


class TestOnce:
    def test_double_click(self, shop, audit):
        before = audit()["charges"]
        shop.order("Coffee")
        shop.type_card(GOOD)

        shop.pay_button.dblclick()

        shop.expect_state("paid")
        assert audit()["charges"] == before + 1

    def test_two_tabs(self, visit, audit):
        before = audit()["charges"]
        one, other = visit(), visit()
        for tab in (one, other):
            tab.order("mug")
            tab.type_card(GOOD)

        one.pay_button.click()
        other.pay_button.click()

        for tab in (one, other):
            tab.expect_state("paid")
        assert one.payment_intent == other.payment_intent
        assert audit()["charges"] == before + 1

    def test_answer_is_lost(self, shop, audit):
        before = audit()["charges"]
        shop.order("Coffee")
        shop.type_card(GOOD)

        def lose_the_answer(route):
            route.fetch()
            route.abort()

        shop.page.route("**/pay/", lose_the_answer, times=1)
        shop.pay_button.click()

        shop.expect_state("paid")
        assert audit()["charges"] == before + 1
        lost = [text for text in shop.problems if "ERR_FAILED" in text]
        assert len(lost) == 1
        shop.problems.remove(lost[0])

    def test_reload_while_it_is_being_paid(self, shop, audit, faults):
        before = audit()["charges"]
        shop.order("Coffee")
        faults({"match": CREATE, "action": "latency", "seconds": 2})
        shop.pay(GOOD)
        shop.expect_state("waiting")
        shop.screenshot("waiting")

        shop.page.reload()

        shop.expect_state("waiting")
        shop.expect_state("paid")
        assert audit()["charges"] == before + 1


class TestThreeDSecure:
    @pytest.fixture
    def challenged(self, shop):
        shop.order("Coffee")
        shop.pay(CHALLENGED)
        expect(shop.bank.get_by_text("Your emulated bank asks")).to_be_visible()
        return shop

    def test_in_the_page(self, challenged, audit):
        challenged.screenshot("bank")
        challenged.bank.get_by_role("button", name="Complete").click()

        challenged.expect_state("paid")
        assert audit(payment_intent=challenged.payment_intent)["succeeded"] == 1

    def test_failed_in_the_page_then_with_another_card(self, challenged):
        challenged.bank.get_by_role("button", name="Fail").click()
        challenged.expect_text("Your bank could not make sure that it is you.")

        challenged.pay(GOOD)

        challenged.expect_state("paid")

    def test_left_and_gone_on_with_later(self, challenged):
        challenged.page.reload()
        challenged.expect_text("Your bank wants to know that it is you")
        challenged.screenshot("action")

        challenged.page.get_by_role("button", name="Go on with your bank").click()
        challenged.bank.get_by_role("button", name="Complete").click()

        challenged.expect_state("paid")

    @pytest.mark.parametrize(("button", "state"), [("Complete", "paid"), ("Fail", "payable")])
    def test_on_the_banks_own_page(self, shop, faults, button, state):
        faults({"match": CREATE, "action": "redirect"})
        shop.order("Coffee")
        shop.pay(CHALLENGED)

        shop.page.get_by_role("button", name=button).click()

        shop.expect_state(state)
        assert "payment_intent" not in shop.page.url


class TestAway:
    """A saved card is charged while its customer is away, and the bank wants to see them."""

    @pytest.fixture
    def missed(self, ada, merchant, seen_by_bank):
        first = ada.answered_payment(ada.pay(payment_method=SEEN_ONLY, save_card=True)["id"])
        seen_by_bank(first)
        customer = ada.answered_payment(first["id"], after=UNCONFIRMED)["customer"]
        cards = f"{ada.base_url}/api/payment-methods/"
        card = ada._session.get(cards, timeout=30).json()["results"][0]["id"]  # the newest
        away = merchant.pay(payment_method=card, customer=customer, off_session=True)
        return merchant.answered_payment(away["id"])

    @pytest.fixture
    def seen_by_bank(self, ada):
        def answer(payment):
            url = payment["next_action"]["redirect_to_url"]["url"]
            requests.post(url, data={"outcome": "complete"}, allow_redirects=False, timeout=30)
            ada.confirm(payment["id"])

        return answer

    def test_the_e_mails_link_leads_to_the_bank_and_back(self, shop, missed, databases):
        assert missed["error_code"] == "authentication_required"
        sent = "SELECT sent_at FROM emails_email WHERE payment_id = %s AND sent_at IS NOT NULL"
        wait_until(
            lambda: databases.rows("customer", sent, (missed["id"],)), what="the e-mail", seconds=30
        )

        shop.open(f"payments/{missed['id']}/")
        assert shop.axe_violations() == []
        shop.page.get_by_role("button", name="Go on with your bank").click()
        shop.page.get_by_role("button", name="Complete").click()

        shop.expect_text("Thank you, it is paid")
        assert shop.axe_violations() == []


class TestEverybody:
    def test_in_french(self, visit):
        shop = visit(language="fr-FR")
        shop.order("théière")
        expect(shop.pay_button).to_have_text("Payer 1\u202f234,50\u00a0€", use_inner_text=True)
        expect(shop.card.get_by_label("Numéro de carte")).to_be_visible()

        shop.pay(WITHOUT_MONEY)

        shop.expect_text("La provision de cette carte est insuffisante.")
        shop.screenshot("declined-fr")
        shop.page.get_by_role("button", name="English").click()
        shop.expect_text("There is not enough money on this card.")

    @pytest.mark.parametrize("colours", ["light", "dark"])
    def test_on_a_phone(self, visit, colours):
        shop = visit(viewport=PHONE, color_scheme=colours, has_touch=True, device_scale_factor=2)
        shop.open()
        shop.screenshot(f"phone-{colours}-catalogue")
        assert not shop.is_too_wide()
        shop.order("teapot")
        shop.screenshot(f"phone-{colours}-order")
        assert not shop.is_too_wide()
        shop.pay(GOOD)
        shop.expect_state("paid")
        shop.screenshot(f"phone-{colours}-receipt")
        assert not shop.is_too_wide()

    @pytest.mark.parametrize(("language", "colours"), [("en-GB", "light"), ("fr-FR", "dark")])
    def test_axe_finds_nothing(self, visit, language, colours):
        shop = visit(language=language, color_scheme=colours)
        violations = []
        shop.open("login/")
        violations += shop.axe_violations()
        shop.order("Tasse" if language == "fr-FR" else "mug")
        violations += shop.axe_violations()
        shop.pay(WITHOUT_MONEY)
        expect(shop.page.locator("#where h2.problem")).to_be_visible()
        violations += shop.axe_violations()
        shop.pay(GOOD)
        shop.expect_state("paid")
        violations += shop.axe_violations()
        shop.open()
        violations += shop.axe_violations()

        assert violations == []
