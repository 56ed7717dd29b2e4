from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from admin_project.analytics.handlers import count
from admin_project.event_log.handlers import log_events
from tests.admin.conftest import measured, requested, subscription_state

FIGURES = "/api/analytics/figures/"
URLS = [FIGURES, "/api/analytics/ledger/", "/api/analytics/timeline/", "/api/analytics/stuck/"]


@pytest.fixture
def client_of():
    def make(user, scheme="Token"):
        client = APIClient()
        key = Token.objects.get_or_create(user=user)[0].key
        client.credentials(HTTP_AUTHORIZATION=f"{scheme} {key}")
        return client

    return make


@pytest.mark.django_db
class TestWhoMayAsk:
    @pytest.mark.parametrize("url", [*URLS, "/metrics"])
    def test_nobody_but_staff(self, client_of, django_user_model, url):
        scheme = "Bearer" if url == "/metrics" else "Token"
        visitor = django_user_model.objects.create_user("visitor")

        assert APIClient().get(url).status_code == 401
        assert client_of(visitor, scheme).get(url).status_code == 403

    @pytest.mark.parametrize("url", URLS)
    def test_staff_by_session(self, reader, url):
        client = APIClient()
        client.force_login(reader)

        assert client.get(url).status_code == 200

    @pytest.mark.parametrize("url", URLS)
    def test_no_staff_who_may_not_see_the_pages(self, client_of, staff, url):
        assert client_of(staff).get(url).status_code == 403


@pytest.mark.django_db
class TestAnswers:
    @pytest.mark.parametrize(
        "choice", [{"period": "1d"}, {"currency": "euro"}, {"type": "renewal"}]
    )
    def test_a_choice_that_there_is_not_is_refused(self, reader, client_of, choice):
        answer = client_of(reader).get(FIGURES, choice)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["attr"] == next(iter(choice))

    def test_figures(self, reader, client_of):
        count([measured(requested_at=timezone.now()), measured(requested_at=timezone.now())])

        told = client_of(reader).get(FIGURES, {"period": "7d", "currency": "eur"}).json()

        assert told["period"]["name"] == "7d"
        assert told["totals"]["now"]["succeeded"] == 2
        assert told["currencies"][0]["now"]["volume"] == 3998
        assert told["breakdowns"]["card_brand"][0]["value"] == "visa"

    def test_figures_of_a_currency(self, reader, client_of):
        for currency in ("eur", "usd"):
            count([subscription_state(uuid4(), currency=currency, timestamp=timezone.now())])

        told = client_of(reader).get(FIGURES, {"currency": "USD"}).json()["subscriptions"]

        assert [one["currency"] for one in told["mrr"]] == ["usd"]
        assert [one["currency"] for one in told["movements"]] == ["usd"]
        assert [one["size"] for one in told["cohorts"]] == [1]

    def test_a_timeline(self, reader, client_of):
        event = requested(timestamp=timezone.now() - timedelta(minutes=2))
        log_events([event])

        found = (
            client_of(reader).get("/api/analytics/timeline/", {"id": str(event.event_id)}).json()
        )
        stuck = client_of(reader).get("/api/analytics/stuck/").json()["stuck"]

        assert [hop["topic"] for hop in found["hops"]] == ["stripe.payment.request"]
        assert len(found["silences"]) == 1
        assert stuck[0]["identifier"] == str(event.event_id)

    def test_metrics(self, reader, client_of):
        count([measured(), measured(amount=1), measured(amount=100, amount_captured=40)])

        response = client_of(reader, "Bearer").get("/metrics")

        assert response["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = response.text.splitlines()
        labels = '{payment_type="one_off",currency="eur",status="succeeded"}'
        assert f"paybridge_payments{labels} 3" in lines
        assert f"paybridge_payments_minor_units{labels} 2100" in lines
        assert f"paybridge_captured_minor_units{labels} 2040" in lines
        assert "paybridge_stuck 0" in lines
        assert response.text.endswith("\n")
