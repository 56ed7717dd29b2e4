import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from admin_project.analytics.handlers import count as count_payments
from admin_project.analytics.models import PaymentFact
from admin_project.analytics.selectors import payment_figures
from admin_project.event_log.models import LoggedEvent
from kafka_bridge.contracts import PaymentStatus
from tests.admin.conftest import NOW, measured

URL = "/api/analytics/payments/"


@pytest.mark.django_db
class TestFacts:
    def test_a_measurement_becomes_a_fact(self):
        event = measured(
            status=PaymentStatus.REQUIRES_PAYMENT_METHOD, decline_code="insufficient_funds"
        )

        count_payments([event])

        fact = PaymentFact.objects.get()
        assert fact.payment_id == event.payment_id
        assert (fact.payment_type, fact.status) == ("one_off", "requires_payment_method")
        assert (fact.amount, fact.currency) == (1999, "eur")
        assert fact.decline_code == "insufficient_funds"
        assert (fact.card_brand, fact.card_country) == ("visa", "FR")
        assert (fact.requested_at, fact.measured_at) == (NOW, event.timestamp)
        assert fact.revision == 1

    def test_newer_replaces_older(self):
        payment_id = uuid.uuid4()
        count_payments([measured(payment_id, status=PaymentStatus.REQUIRES_ACTION)])
        count_payments([measured(payment_id, revision=2)])

        fact = PaymentFact.objects.get()
        assert (fact.status, fact.revision) == ("succeeded", 2)

    def test_older_changes_nothing(self):
        payment_id = uuid.uuid4()
        count_payments([measured(payment_id, revision=2)])
        count_payments([measured(payment_id, status=PaymentStatus.REQUIRES_ACTION)])

        fact = PaymentFact.objects.get()
        assert (fact.status, fact.revision) == ("succeeded", 2)

    def test_a_repetition_counts_once(self):
        event = measured()

        count_payments([event])
        count_payments([event])

        assert PaymentFact.objects.count() == LoggedEvent.objects.count() == 1

    def test_a_batch_costs_as_many_statements_as_one(self):
        with CaptureQueriesContext(connection) as one:
            count_payments([measured()])
        with CaptureQueriesContext(connection) as many:
            count_payments([measured(customer_id=f"c{number}") for number in range(50)])

        assert len(many) == len(one) == 3  # log, facts, sums
        assert PaymentFact.objects.count() == 51


@pytest.mark.django_db
class TestFigures:
    def test_there_are_none_before_the_first_payment(self):
        assert payment_figures() == {"count": 0, "by_status": {}, "volume": {}}

    def test_payments_are_counted_by_status_and_money_by_currency(self):
        count_payments(
            [
                measured(amount=1000),
                measured(amount=250),
                measured(amount=70, currency="jpy"),
                measured(amount=999, status=PaymentStatus.REQUIRES_PAYMENT_METHOD),
                measured(amount=999, status=PaymentStatus.REQUIRES_ACTION),
            ]
        )

        assert payment_figures() == {
            "count": 5,
            "by_status": {
                "succeeded": 3,
                "requires_payment_method": 1,
                "requires_action": 1,
            },
            "volume": {"eur": 1250, "jpy": 70},
        }

    def test_volume_is_what_was_captured(self):
        count_payments([measured(amount=10000, amount_captured=4000), measured(amount=1000)])

        assert payment_figures()["volume"] == {"eur": 5000}

    def test_a_payment_that_goes_on_is_counted_where_it_is(self):
        payment_id = uuid.uuid4()
        count_payments([measured(payment_id, status=PaymentStatus.REQUIRES_ACTION)])
        count_payments([measured(payment_id, revision=2)])

        assert payment_figures()["by_status"] == {"succeeded": 1}

    def test_sums_pass_what_an_int4_holds(self):
        count_payments([measured(amount=999_999_999_999) for _ in range(20)])

        assert payment_figures()["volume"] == {"eur": 20 * 999_999_999_999}


@pytest.mark.django_db
class TestApi:
    def client_of(self, user):
        client = APIClient()
        client.credentials(
            HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}"
        )
        return client

    @pytest.mark.parametrize("authorization", [None, "Token nonsense", "Bearer x"])
    def test_without_a_good_token(self, authorization):
        client = APIClient()
        if authorization:
            client.credentials(HTTP_AUTHORIZATION=authorization)

        response = client.get(URL)

        assert response.status_code == 401
        assert response.json()["type"] == "client_error"

    def test_with_the_token_of_somebody_who_is_not_staff(self, django_user_model):
        user = django_user_model.objects.create_user("visitor")

        response = self.client_of(user).get(URL)

        assert response.status_code == 403
        assert response.json()["errors"][0]["code"] == "permission_denied"

    def test_staff_gets_the_figures(self, reader):
        count_payments([measured()])

        response = self.client_of(reader).get(URL)

        assert response.status_code == 200
        assert response.json() == {
            "count": 1,
            "by_status": {"succeeded": 1},
            "volume": {"eur": 1999},
        }

    def test_costs_four_statements_however_many_there_are(self, reader):
        count_payments([measured() for _ in range(30)])
        client = self.client_of(reader)

        with CaptureQueriesContext(connection) as captured:
            client.get(URL)

        assert len(captured) == 4  # who asks, what they and their groups may, all sums

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_figures_are_only_read(self, reader, method):
        assert getattr(self.client_of(reader), method)(URL).status_code == 405
