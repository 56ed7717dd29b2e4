from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from admin_project.analytics.handlers import count as count_payments
from admin_project.analytics.models import ExchangeRate, PaymentFact, SubscriptionFact
from admin_project.event_log.models import LoggedEvent
from admin_project.ledger.handlers import enter
from admin_project.ledger.models import BalanceTransaction
from tests.admin.conftest import NOW, measured, recorded
from tests.django_admin import AdminPages, detail_url, list_url


def subscribed(key):
    return SubscriptionFact(
        subscription_id=key,
        revision=1,
        customer_id="c1",
        status="active",
        plan="pro",
        currency="eur",
        mrr=1000,
        cancel_at_period_end=False,
        changed_at=NOW,
    )


def rate(day):
    return ExchangeRate(currency="usd", into="eur", rate="0.9", valid_from=day)


@pytest.mark.django_db
class TestPages(AdminPages):
    @pytest.fixture
    def rows(self):
        def make(count):
            events = [measured(customer_id=f"c{uuid4()}") for _ in range(count)]
            count_payments(events)
            ids = [event.event_id for event in events]
            moved = [recorded(txn=f"txn_{uuid4().hex}") for _ in range(count)]
            enter(moved)
            subscriptions = [uuid4() for _ in range(count)]
            SubscriptionFact.objects.bulk_create([subscribed(key) for key in subscriptions])
            days = ExchangeRate.objects.count()
            rates = ExchangeRate.objects.bulk_create(
                [rate(NOW.date() - timedelta(days=days + number)) for number in range(count)]
            )
            return {
                BalanceTransaction: BalanceTransaction.objects.filter(
                    balance_transaction_id__in=[one.balance_transaction_id for one in moved]
                ),
                SubscriptionFact: SubscriptionFact.objects.filter(pk__in=subscriptions),
                ExchangeRate: rates,
                PaymentFact: PaymentFact.objects.filter(
                    payment_id__in=[event.payment_id for event in events]
                ),
                LoggedEvent: LoggedEvent.objects.filter(event_id__in=ids),
            }

        return make

    def test_the_figures_are_above_the_payments(self, admin_client, rows):
        rows(3)

        page = admin_client.get(list_url(PaymentFact)).content.decode()

        assert "<strong>3</strong> payments" in page
        assert "succeeded <strong>3</strong>" in page

    def test_a_payment_shows_what_was_captured_of_it(self, admin_client):
        count_payments([measured(amount=10000, amount_captured=4000)])

        page = admin_client.get(list_url(PaymentFact)).content.decode()

        assert "100.00 EUR" in page
        assert "40.00 EUR" in page

    def test_a_balance_transaction_shows_its_entries(self, admin_client, rows):
        [one] = rows(1)[BalanceTransaction]
        page = admin_client.get(detail_url(one)).content.decode()

        assert "stripe_balance 1911 eur" in page

    def test_an_operator_enters_what_a_currency_is_worth(self, admin_client):
        asked = {"currency": "usd", "into": "eur", "rate": "0.92", "valid_from": "2026-01-01"}

        admin_client.post(reverse("admin:analytics_exchangerate_add"), asked)
        refused = admin_client.post(
            reverse("admin:analytics_exchangerate_add"), {**asked, "rate": "0"}
        )

        assert ExchangeRate.objects.get().rate * 100 == 92
        assert refused.status_code == 200


@pytest.mark.django_db
class TestLists:
    """With a million rows nobody waits: no filter or search reads them all."""

    @pytest.fixture
    def payment(self):
        one, other = measured(customer_id="c1"), measured(customer_id="c2", currency="usd")
        count_payments([one, other])
        return one

    @pytest.mark.parametrize("field", ["event_id", "customer_id"])
    def test_an_event_is_found_by_a_whole_id(self, admin_client, payment, field):
        asked = {"q": f" {getattr(payment, field)} "}

        with CaptureQueriesContext(connection) as captured:
            page = admin_client.get(reverse("admin:event_log_loggedevent_changelist"), asked)

        assert [row.event_id for row in page.context["cl"].result_list] == [payment.event_id]
        assert not [one for one in captured if "UPPER" in one["sql"]]

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"currency": "eur"}, 1),
            ({"currency": "usd", "status": "succeeded"}, 1),
            ({"payment_type": "one_off"}, 2),
            ({"status": "failed"}, 0),
            ({"decline_code": "expired_card"}, 0),
            ({"q": "no id"}, 0),
        ],
    )
    def test_payments_are_filtered(self, admin_client, payment, asked, found):
        url = reverse("admin:analytics_paymentfact_changelist")

        page = admin_client.get(url, asked)

        assert len(page.context["cl"].result_list) == found

    def test_events_are_filtered_by_topic(self, admin_client, payment):
        url = reverse("admin:event_log_loggedevent_changelist")

        for topic, found in (("payment.analytics", 2), ("payment.analytics.dlq", 0)):
            page = admin_client.get(url, {"topic": topic})
            assert len(page.context["cl"].result_list) == found
