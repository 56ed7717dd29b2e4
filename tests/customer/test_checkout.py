import gettext
import re
from pathlib import Path
from uuid import uuid4

import pytest
from babel.messages.pofile import read_po
from django.core.exceptions import ValidationError
from django.test import Client

from customer_project.checkout import demo, services
from customer_project.checkout.models import Item, Order
from customer_project.payments import services as payments
from customer_project.payments.models import Payment
from kafka_bridge.contracts import CardPaymentAnswered, PaymentStatus
from tests.customer.conftest import make_customer, published, together

SHOP = Path(demo.__file__).parent.parent


@pytest.fixture
def teapot(db):
    demo.make_items()
    return Item.objects.get(slug="teapot")


@pytest.fixture
def browser(ada):
    browser = Client()
    browser.force_login(ada.user)
    return browser


@pytest.fixture
def order(ada, teapot):
    return services.place_order(customer=ada, item=teapot)


def pay(browser, order, *, attempt=0, token=None, **fields):
    body = {"attempt": attempt, "confirmation_token": token or f"ctoken_{uuid4().hex}", **fields}
    return browser.post(f"/checkout/orders/{order.id}/pay/", body)


def state(response):
    return re.search(r'data-state="(\w+)"', response.text)[1]


def answer(order, status, *, revision=1, **fields):
    """What the payment service says of the order's payment."""
    order.refresh_from_db()
    outcome = CardPaymentAnswered(
        customer_id=str(order.customer_id),
        payment_id=order.payment_id,
        payment_intent_id="pi_1",
        client_secret="pi_1_secret_2",
        status=status,
        success=status == PaymentStatus.SUCCEEDED,
        amount=order.amount,
        currency=order.currency,
        revision=revision,
        **fields,
    )
    payments.apply_outcomes([outcome])


class TestCatalogue:
    def test_shows_what_is_sold(self, teapot):
        Item.objects.filter(slug="mug").update(active=False)

        page = Client().get("/checkout/").text

        assert "Cast iron teapot" in page
        assert "€1,234.50" in page
        assert "Stoneware mug" not in page

    def test_in_french(self, teapot):
        page = Client().get("/checkout/", headers={"Accept-Language": "fr-CA,fr"}).text

        assert "Théière en fonte" in page
        assert "1\u202f234,50\xa0€" in page
        assert '<html lang="fr">' in page

    def test_only_customers_order(self, teapot, django_user_model):
        nobody = Client()
        assert nobody.post("/checkout/items/teapot/order/").url.startswith("/checkout/login/")

        clerk = Client()
        clerk.force_login(django_user_model.objects.create_user("clerk"))
        assert clerk.post("/checkout/items/teapot/order/").status_code == 403
        assert Order.objects.count() == 0

    def test_item_that_cannot_be_charged(self):
        with pytest.raises(ValidationError, match="From 50"):
            Item(amount=49, currency="eur").clean()


class TestPlaceOrder:
    def test_takes_the_order_that_nobody_pays(self, ada, teapot, order):
        assert services.place_order(customer=ada, item=teapot) == order

        teapot.amount += 1
        teapot.save()
        assert services.place_order(customer=ada, item=teapot) != order

    def test_is_its_customers_only(self, order):
        other = Client()
        other.force_login(make_customer("grace").user)

        assert other.get(f"/checkout/orders/{order.id}/").status_code == 404
        assert pay(other, order).status_code == 404
        assert Payment.objects.count() == 0


class TestPay:
    def test_publishes_the_token_and_the_price_of_the_order(self, browser, order, teapot):
        teapot.amount = 1
        teapot.save()

        response = pay(browser, order, token="ctoken_1", save_card="1")

        (event,) = published()
        assert state(response) == "waiting"
        assert event.confirmation_token == "ctoken_1"
        assert (event.amount, event.currency) == (123450, "eur")
        assert event.payment_options.save_card
        back = f"http://testserver/checkout/orders/{order.id}/return/"
        assert event.payment_options.return_url == back

    def test_twice_pays_once(self, browser, order):
        pay(browser, order)
        response = pay(browser, order)

        assert state(response) == "waiting"
        assert len(published()) == 1

    def test_again_after_a_decline(self, browser, order):
        pay(browser, order)
        answer(order, PaymentStatus.REQUIRES_PAYMENT_METHOD, error_code="card_declined")

        late = pay(browser, order, attempt=0)  # the first click, repeated
        assert state(late) == "payable"
        assert len(published()) == 1

        assert state(pay(browser, order, attempt=1)) == "waiting"
        assert len({event.payment_id for event in published()}) == 2

    @pytest.mark.parametrize(
        "status",
        [
            PaymentStatus.SUCCEEDED,
            PaymentStatus.PROCESSING,
            PaymentStatus.REQUIRES_ACTION,
            PaymentStatus.REQUIRES_CAPTURE,
        ],
    )
    def test_not_while_it_is_paid_or_may_be(self, browser, order, status):
        pay(browser, order)
        answer(order, status)

        pay(browser, order, attempt=1)

        assert len(published()) == 1

    @pytest.mark.parametrize(
        "wrong",
        [{"confirmation_token": "4242424242424242"}, {"attempt": "-1"}, {"confirmation_token": ""}],
    )
    def test_refuses_nonsense(self, browser, order, wrong):
        body = {"attempt": 0, "confirmation_token": "ctoken_1", **wrong}

        response = browser.post(f"/checkout/orders/{order.id}/pay/", body)

        assert response.status_code == 400
        assert Payment.objects.count() == 0

    def test_needs_the_forms_own_token(self, ada, order):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(ada.user)

        assert pay(strict, order).status_code == 403
        assert Payment.objects.count() == 0


@pytest.mark.django_db(transaction=True)
class TestPayAtOnce:
    def test_many_at_once_pay_once(self, ada):
        demo.make_items()
        order = services.place_order(customer=ada, item=Item.objects.get(slug="mug"))

        def click():
            services.pay_order(
                customer=ada,
                order_id=order.id,
                attempt=0,
                confirmation_token=f"ctoken_{uuid4().hex}",
                save_card=False,
                return_url="https://shop.example/",
            )

        together([click] * 6)

        assert len(published()) == 1
        assert Payment.objects.count() == 1


class TestStatus:
    def look(self, browser, order, **query):
        return browser.get(f"/checkout/orders/{order.id}/status/", query)

    def test_receipt(self, browser, order):
        pay(browser, order)
        answer(order, PaymentStatus.SUCCEEDED)

        page = self.look(browser, order)

        assert state(page) == "paid"
        assert "€1,234.50" in page.text
        assert "pi_1" in page.text

    @pytest.mark.parametrize(
        ("codes", "says"),
        [
            ({"error_code": "card_declined", "decline_code": "insufficient_funds"}, "enough money"),
            ({"error_code": "expired_card"}, "has expired"),
            ({"error_code": "incorrect_cvc"}, "security code"),
            ({"error_code": "processing_error"}, "just now"),
            ({"error_code": "payment_intent_authentication_failure"}, "could not make sure"),
            ({"error_code": "card_declined", "decline_code": "lost_card"}, "was declined"),
            ({"error_code": "card_declined", "decline_code": "stolen_card"}, "was declined"),
            ({"error_code": "card_declined", "decline_code": "fraudulent"}, "was declined"),
            ({"error_code": "resource_missing"}, "could not be made"),
        ],
    )
    def test_says_why_it_failed(self, browser, order, codes, says):
        pay(browser, order)
        answer(order, PaymentStatus.REQUIRES_PAYMENT_METHOD, error="Stripe's words", **codes)

        page = self.look(browser, order).text

        assert says in page
        assert not re.search("lost|stolen|fraud|Stripe&#x27;s words", page)

    def test_waits_for_news_after_the_customer_has_answered_the_bank(self, browser, order):
        pay(browser, order)
        answer(order, PaymentStatus.REQUIRES_ACTION)
        challenged = self.look(browser, order)
        assert state(challenged) == "action"
        assert "pi_1_secret_2" in challenged.text

        told = browser.post(f"/checkout/orders/{order.id}/answered/")

        assert state(told) == "waiting"
        assert "pi_1_secret_2" not in told.text
        assert state(self.look(browser, order, answered=1)) == "waiting"
        assert state(self.look(browser, order)) == "action"
        assert [getattr(event, "action", None) for event in published()] == [None, "confirm"]

        answer(order, PaymentStatus.REQUIRES_ACTION, revision=2)
        assert state(self.look(browser, order, answered=1)) == "action"

    def test_coming_back_from_the_banks_own_page(self, browser, order):
        pay(browser, order)
        answer(order, PaymentStatus.REQUIRES_ACTION)

        back = browser.get(
            f"/checkout/orders/{order.id}/return/", {"payment_intent": "pi_1"}, follow=True
        )

        assert state(back) == "waiting"
        assert published()[-1].action == "confirm"

    @pytest.mark.parametrize("status", [PaymentStatus.SUCCEEDED, PaymentStatus.REQUIRES_CAPTURE])
    def test_coming_back_when_a_webhook_was_faster(self, browser, order, status):
        pay(browser, order)
        answer(order, status)

        back = browser.get(f"/checkout/orders/{order.id}/return/", follow=True)

        assert state(back) == "paid"


class TestPolicy:
    def test_only_the_page_that_takes_cards_allows_stripe(self, browser, order, settings):
        shop = browser.get("/checkout/").headers["Content-Security-Policy"]
        checkout = browser.get(f"/checkout/orders/{order.id}/").headers
        directives = checkout["Content-Security-Policy"].split("; ")
        policy = dict(directive.split(" ", 1) for directive in directives)
        origin = "/".join(settings.STRIPE_JS_URL.split("/")[:3])

        assert origin not in shop
        assert policy["script-src"] == f"'self' {origin}"
        assert origin in policy["frame-src"]
        assert policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in checkout["Content-Security-Policy"]
        assert "no-store" in checkout["Cache-Control"]
        assert checkout["Referrer-Policy"] == "same-origin"


class TestFrench:
    @pytest.mark.parametrize("app", ["checkout", "emails"])
    def test_everything_is_translated_and_compiled(self, app):
        locale = SHOP / app / "locale" / "fr" / "LC_MESSAGES"
        with (locale / "django.po").open() as text:
            written = {message.id: message.string for message in read_po(text) if message.id}
        with (locale / "django.mo").open("rb") as compiled:
            read = gettext.GNUTranslations(compiled).gettext

        assert written
        assert all(written.values())
        assert {english: read(english) for english in written} == written
