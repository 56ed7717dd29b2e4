import smtplib
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customer_project.emails import services
from customer_project.emails.models import Email
from customer_project.payments.models import Payment
from customer_project.payments.services import apply_outcomes
from kafka_bridge.contracts import PaymentStatus
from tests.customer.conftest import client_of, make_customer, post, published
from tests.customer.test_payments import answered
from tests.django_admin import list_url

MISSED = {
    "status": "requires_payment_method",
    "success": False,
    "error_code": "authentication_required",
}
BANK = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/1"}}


class Refusing(BaseEmailBackend):
    def send_messages(self, messages):
        raise ConnectionRefusedError("no server \x00 there")


class NobodyThere(BaseEmailBackend):
    def send_messages(self, messages):
        (address,) = messages[0].to
        said = f"5.1.1 <{address.upper()}>: no such user at mx@mail.example".encode()
        raise smtplib.SMTPRecipientsRefused({address: (550, said)})


@pytest.fixture
def payment(ada):
    return make_payment(ada)


@pytest.fixture
def browser(ada):
    browser = Client()
    browser.force_login(ada.user)
    return browser


def make_payment(customer, **body):
    good = {"amount": 1999, "currency": "eur", "payment_method": "pm_card_visa"}
    return Payment.objects.get(id=post(client_of(customer), {**good, **body}).json()["id"])


def tell(payment, *, status="succeeded", **fields):
    outcome = answered(payment, status=PaymentStatus(status), **fields)
    apply_outcomes([outcome])


def give_up(payment):
    """Try for the last time to send what the payment's customer is to be told."""
    tell(payment, amount_captured=1999)
    Email.objects.update(attempts=services.MAX_ATTEMPTS - 1)
    services.send_next(Refusing())
    return Email.objects.get()


def health():
    """What monitors are told of e-mails: status, facts, problems."""
    answer = Client().get("/health/")
    told = answer.json()
    return answer.status_code, told["emails"], told["problems"]


def sent():
    """Send all that is due, and return it."""
    with mail.get_connection() as backend:
        while services.send_next(backend):
            pass
    return mail.outbox


class TestReceipt:
    def test_tells_what_was_taken_and_where_it_can_be_seen(self, payment, settings):
        settings.SHOP_URL = "https://shop.example"
        tell(payment, amount_captured=1500)

        (receipt,) = sent()

        assert receipt.to == ["ada@example.com"]
        assert receipt.subject == "Your payment of €15.00"
        assert f"https://shop.example/checkout/payments/{payment.id}/" in receipt.body

    def test_its_page_shows_what_was_taken(self, payment, browser):
        page = f"/checkout/payments/{payment.id}/"
        tell(payment, status="requires_capture", amount_captured=0)
        assert browser.get(page).text.count("€19.99") == 2

        tell(payment, revision=2, amount_captured=1500)
        part = browser.get(page).text
        assert part.count("€15.00") == 2
        assert '<dt>Authorised</dt><dd class="price">€19.99</dd>' in part

        tell(payment, revision=3, amount_captured=1999)
        whole = browser.get(page).text
        assert whole.count("€19.99") == 2
        assert "Authorised" not in whole

    @pytest.mark.parametrize(
        ("amount", "currency", "written"),
        [(500, "jpy", "500 JPY"), (1230, "kwd", "1,230 KWD"), (123456, "eur", "1 234,56 €")],
    )
    def test_amounts_are_written_as_the_customer_reads_them(self, ada, amount, currency, written):
        ada.language = "fr"
        ada.save()
        tell(make_payment(ada, amount=amount, currency=currency), amount_captured=amount)

        (receipt,) = sent()

        spaces = str.maketrans("\u202f\xa0", "  ")
        text = f"{receipt.subject} {receipt.body}".translate(spaces)
        assert text.count(written) == 2
        assert "Bonjour Ada" in text

    def test_is_sent_once_however_often_the_success_is_told(self, payment):
        for revision in (1, 1, 2, 3):
            tell(payment, revision=revision, amount_captured=1999)
            sent()

        assert len(mail.outbox) == 1
        assert Email.objects.get().sent_at

    def test_nobody_without_an_address_is_told(self, payment, ada):
        ada.email = ""
        ada.save()
        tell(payment)

        assert sent() == []
        assert Email.objects.get().due_at is None

    @pytest.mark.parametrize("status", ["requires_action", "processing", "canceled"])
    def test_only_of_what_succeeded(self, payment, status):
        tell(payment, status=status, success=False)

        assert sent() == []


class TestRefusedByTheServer:
    def test_is_tried_again_later_and_then_sent(self, payment):
        tell(payment, amount_captured=1999)

        assert services.send_next(Refusing())
        assert not services.send_next(Refusing())
        email = Email.objects.get()
        assert (email.attempts, email.sent_at) == (1, None)
        assert "ConnectionRefusedError: no server" in email.error
        Email.objects.update(due_at=timezone.now() - timedelta(seconds=1))

        assert len(sent()) == 1

    def test_no_address_comes_into_the_log_or_the_row(self, payment, caplog):
        tell(payment)

        with caplog.at_level("WARNING"):
            assert services.send_next(NobodyThere())

        error = Email.objects.get().error
        assert error.startswith("SMTPRecipientsRefused: ")
        assert "550" in error
        assert "@" not in error + caplog.text

    def test_is_given_up_in_the_end(self, payment):
        tell(payment)
        Email.objects.update(attempts=services.MAX_ATTEMPTS - 1)

        services.send_next(Refusing())

        email = Email.objects.get()
        assert email.due_at is None
        assert email.given_up_at


class TestGivenUp:
    @pytest.fixture
    def email(self, payment):
        return give_up(payment)

    @pytest.fixture
    def queue_again(self, client, django_user_model):
        def queue_again(*emails, permission="change_email"):
            clerk = django_user_model.objects.create_user(f"may {permission}", is_staff=True)
            clerk.user_permissions.add(Permission.objects.get(codename=permission))
            client.force_login(clerk)
            chosen = [email.pk for email in emails]
            return client.post(
                list_url(Email),
                {"action": "queue_again", "_selected_action": chosen},
                follow=True,
            )

        return queue_again

    def test_is_queued_again_in_django_admin(self, email, queue_again):
        answer = queue_again(email)

        assert "Queued again: 1." in answer.text
        assert len(sent()) == 1
        email.refresh_from_db()
        assert email.sent_at
        assert email.given_up_at is None

    def test_is_tried_as_often_as_before(self, email, queue_again):
        queue_again(email)

        services.send_next(Refusing())

        email.refresh_from_db()
        assert (email.attempts, email.given_up_at) == (1, None)
        assert email.due_at

    def test_what_was_sent_or_waits_stays_as_it_is(self, ada, queue_again):
        tell(make_payment(ada))
        sent()
        tell(make_payment(ada))
        Email.objects.filter(sent_at=None).update(due_at=timezone.now() + timedelta(hours=1))
        before = list(Email.objects.order_by("id").values())

        answer = queue_again(*Email.objects.all())

        assert "Queued again: 0." in answer.text
        assert list(Email.objects.order_by("id").values()) == before

    def test_who_may_only_look_queues_nothing(self, email, queue_again):
        answer = queue_again(email, permission="view_email")

        assert answer.status_code == 200
        assert sent() == []


class TestHealth:
    def test_nothing_is_late(self, payment):
        tell(payment)
        Email.objects.update(due_at=timezone.now() - timedelta(minutes=4))

        status, facts, problems = health()

        assert (status, facts["given_up"], problems) == (200, 0, [])
        assert 240 <= facts["oldest_overdue_seconds"] < 300

    def test_what_waits_for_its_next_try_is_not_overdue(self, payment):
        tell(payment)
        Email.objects.update(due_at=timezone.now() + timedelta(minutes=4))

        assert health() == (200, {"given_up": 0, "oldest_overdue_seconds": 0.0}, [])

    def test_nobody_sends(self, payment):
        tell(payment)
        Email.objects.update(due_at=timezone.now() - timedelta(minutes=10))

        status, facts, problems = health()

        late = facts["oldest_overdue_seconds"]
        assert status == 503
        assert late >= 600
        assert problems == [f"emails: the oldest is overdue by {late:.0f} s: see send_emails"]

    def test_one_was_given_up(self, payment):
        give_up(payment)

        assert health() == (
            503,
            {"given_up": 1, "oldest_overdue_seconds": 0.0},
            ["emails: none was sent since the last that was given up: see them in Django admin"],
        )

    def test_mail_server_takes_none(self, ada, payment):
        tell(payment)
        tell(make_payment(ada))
        self.try_for_minutes(Refusing())

        status, _, problems = health()

        assert status == 503
        assert problems == [
            "emails: the mail server has taken none for minutes: see them in Django admin"
        ]
        tell(make_payment(ada))
        assert len(sent()) == 1
        assert health()[0] == 200

    def test_several_bad_addresses(self, ada, payment):
        tell(payment)
        tell(make_payment(ada))
        self.try_for_minutes(NobodyThere())

        assert health()[0] == 200

    @staticmethod
    def try_for_minutes(backend):
        for _ in range(5):
            Email.objects.update(due_at=timezone.now())
            while services.send_next(backend):
                pass

    def test_a_bad_address_is_no_reason_to_worry(self, ada, payment):
        give_up(payment)
        tell(make_payment(ada))
        assert len(sent()) == 1

        assert health() == (200, {"given_up": 1, "oldest_overdue_seconds": 0.0}, [])

    def test_the_day_after_it_is_counted_still(self, payment):
        give_up(payment)
        Email.objects.update(given_up_at=timezone.now() - timedelta(days=1, seconds=1))

        assert health() == (200, {"given_up": 1, "oldest_overdue_seconds": 0.0}, [])

    def test_reads_no_e_mail_that_was_sent(self, payment):
        give_up(payment)
        with CaptureQueriesContext(connection) as captured:
            health()

        asked = [one["sql"] for one in captured if "emails_email" in one["sql"]]
        assert asked
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            for statement in asked:
                cursor.execute(f"EXPLAIN {statement}")
                plan = str(cursor.fetchall())
                assert "Index" in plan, plan


class TestBankAsks:
    @pytest.fixture
    def missed(self, payment):
        tell(payment, **MISSED)
        payment.refresh_from_db()
        return payment

    def test_is_told_with_a_link(self, missed):
        (email,) = sent()

        assert email.subject == "Please confirm €19.99"
        assert f"/checkout/payments/{missed.id}/" in email.body

    def test_is_not_told_when_it_is_over(self, missed):
        tell(missed, status="canceled", success=False, revision=2)

        assert sent() == []

    def test_link_leads_to_the_bank_and_back(self, missed, browser):
        page = f"/checkout/payments/{missed.id}/"
        assert "Go on with your bank" in browser.get(page).text

        for _ in range(2):  # a double click
            going = browser.post(f"{page}go-on/")
        assert going["Location"] == f"{page}?going=1"
        asked, *more = [event for event in published() if event.topic == "stripe.payment.update"]
        assert (asked.action, more) == ("confirm", [])
        assert asked.return_url == f"http://testserver{page}return/"
        assert "data-waiting" in browser.get(going["Location"]).text

        tell(missed, status="requires_action", success=False, revision=2, next_action=BANK)
        assert 'data-leads-to="https://bank.example/1"' in browser.get(going["Location"]).text
        assert "data-leads-to" not in browser.get(page).text
        back = browser.get(f"{page}return/")
        assert back["Location"] == f"{page}?answered=2"
        waiting = browser.get(back["Location"]).text
        assert "Your payment is being made" in waiting
        assert "bank.example" not in waiting

        tell(missed, revision=3, amount_captured=1999)
        assert "Thank you, it is paid" in browser.get(back["Location"]).text

    def test_failed_says_why(self, missed, browser):
        tell(missed, status="canceled", success=False, revision=2)

        page = browser.get(f"/checkout/payments/{missed.id}/").text

        assert "This payment was canceled" in page
        assert "data-waiting" not in page

    def test_is_its_customers_only(self, missed):
        stranger = Client()
        stranger.force_login(make_customer("grace").user)
        page = f"/checkout/payments/{missed.id}/"

        assert stranger.get(page).status_code == 404
        assert stranger.post(f"{page}go-on/").status_code == 404
        assert Client().get(page).status_code == 302
