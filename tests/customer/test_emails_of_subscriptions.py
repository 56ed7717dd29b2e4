from datetime import UTC, datetime

import pytest
from django.core import mail

from customer_project.emails import services
from customer_project.emails.models import Email
from customer_project.subscriptions import handlers
from customer_project.subscriptions.signals import News, customer_told
from tests.customer.conftest import make_plan
from tests.customer.subscribing import answered, invoiced, subscribe, updated

UNPAID = {
    "invoice_id": "in_2",
    "billing_reason": "subscription_cycle",
    "status": "open",
    "amount_paid": 0,
    "revision": 2,
}
PAID = {**UNPAID, "status": "paid", "revision": 3}


@pytest.fixture
def subscription(api, ada):
    make_plan()
    subscription = subscribe(api)
    handlers.move_subscriptions_on([answered(subscription)])
    handlers.keep_invoices([invoiced(subscription)])
    return subscription


@pytest.fixture
def told():
    """What the signal tells of."""
    heard = []

    def hear(*, kind, invoice_id, attempt, **_kwargs):
        heard.append((kind, invoice_id, attempt))

    customer_told.connect(hear)
    yield heard
    customer_told.disconnect(hear)


def tell(subscription, **fields):
    handlers.keep_invoices([invoiced(subscription, **fields)])


def sent():
    """Send all that is due, and return it."""
    with mail.get_connection() as backend:
        while services.send_next(backend):
            pass
    return mail.outbox


@pytest.mark.parametrize(
    ("customer_can", "subject", "says"),
    [
        ("wait", "Pro: €19.00 could not be paid yet", "tried again on Dec. 1, 2026"),
        ("change_card", "Pro: please use another card", "€19.00 for Pro is not paid"),
        ("authenticate", "Pro: please confirm €19.00", "your bank wants to know"),
    ],
)
def test_an_unpaid_renewal_leads_to_the_page(subscription, customer_can, subject, says):
    tell(
        subscription,
        **UNPAID,
        customer_can=customer_can,
        next_attempt_at=datetime(2026, 12, 1, 12, tzinfo=UTC),
    )

    [email] = sent()

    assert email.to == ["ada@example.com"]
    assert email.subject == subject
    assert says in email.body
    assert f"/checkout/subscriptions/{subscription.pk}/" in email.body


class TestOnce:
    def test_of_each_try(self, subscription, told):
        for revision, attempt in ((2, 1), (2, 1), (3, 2), (2, 1), (4, 2)):
            fields = {**UNPAID, "attempt": attempt, "revision": revision}
            tell(subscription, **fields, customer_can="change_card")
            sent()

        assert len(mail.outbox) == 2
        assert {email.extra_headers["Message-ID"] for email in mail.outbox} == {
            f"<change_card.{subscription.pk}.in_2.{attempt}@paybridge.invalid>"
            for attempt in (1, 2)
        }
        kind = News.CHANGE_CARD
        assert told == [(kind, "in_2", 1), (kind, "in_2", 2), (kind, "in_2", 2)]

    def test_the_end(self, subscription, told):
        for revision in (2, 2, 3):
            ended = updated(subscription, status="canceled", revision=revision)
            handlers.move_subscriptions_on([ended])

        [email] = sent()

        assert email.subject == "Pro: your subscription has ended"
        assert told == [(News.ENDED, "", 0)]


class TestRecovered:
    def test_is_told_to_whom_was_told_of_the_failure(self, subscription):
        tell(subscription, **UNPAID, customer_can="change_card")
        sent()
        for _ in range(2):
            tell(subscription, **PAID)

        failed, recovered = sent()

        assert failed.subject == "Pro: please use another card"
        assert recovered.subject == "Pro: €19.00 is paid"

    def test_is_not_told_of_a_renewal_that_never_failed(self, subscription):
        tell(subscription, **UNPAID, attempt=0, customer_can="wait")  # seen just before it is paid
        assert sent() == []

        tell(subscription, **PAID)

        assert sent() == []

    def test_what_was_paid_meanwhile_is_not_asked_for(self, subscription):
        tell(subscription, **UNPAID, customer_can="change_card")
        tell(subscription, **PAID)

        [email] = sent()

        assert email.subject == "Pro: €19.00 is paid"


class TestSilence:
    def test_of_the_first_invoice_the_page_tells(self, subscription):
        first = {**UNPAID, "billing_reason": "subscription_create"}
        tell(subscription, **first, customer_can="change_card")

        assert sent() == []

    def test_of_what_never_began(self, api):
        make_plan()
        subscription = subscribe(api)
        handlers.move_subscriptions_on([answered(subscription, status="incomplete")])
        handlers.move_subscriptions_on([updated(subscription, status="canceled", revision=2)])

        assert Email.objects.count() == 0

    @pytest.mark.parametrize("customer_can", [None, "nothing"])
    def test_where_the_policy_bothers_nobody(self, subscription, customer_can):
        tell(subscription, **UNPAID, customer_can=customer_can)

        assert Email.objects.count() == 0


def test_in_french(subscription, ada):
    ada.language = "fr"
    ada.save()
    tell(subscription, **UNPAID, customer_can="change_card")

    [email] = sent()

    assert email.subject == "Pro, en français : veuillez utiliser une autre carte"
    assert "19,00\xa0€ pour « Pro, en français »" in email.body
