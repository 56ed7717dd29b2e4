import csv
import io
import json
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from admin_project.analytics.handlers import count
from admin_project.analytics.models import ExchangeRate
from admin_project.dashboard import presentation
from admin_project.dashboard.charts import Stack, stacked_bars
from admin_project.dashboard.choices import Choice
from admin_project.ledger.selectors import SETTLES_WITHIN
from kafka_bridge.contracts import PaymentStatus
from tests.admin.conftest import measured, subscription_state

URL = "/admin/dashboard/"


def pay(*, ago=timedelta(minutes=5), **fields):
    at = timezone.now() - ago
    event = measured(**{"timestamp": at, "requested_at": at, **fields})
    count([event])
    return event


def subscribe(**fields):
    at = timezone.now() - timedelta(minutes=5)
    count([subscription_state(uuid4(), **{"timestamp": at, **fields})])


@pytest.mark.django_db
class TestDashboard:
    def test_before_the_first_payment(self, admin_client):
        page = admin_client.get(URL)

        assert page.status_code == 200
        assert "No payments in this period" in page.text

    def test_payments_are_shown_against_the_period_before(self, admin_client):
        pay(amount=3000)
        pay(status=PaymentStatus.REQUIRES_PAYMENT_METHOD, decline_code="insufficient_funds")
        pay(amount=1500, ago=timedelta(days=40))

        page = admin_client.get(URL)

        cards = {card.name: card for card in page.context["cards"]}
        assert cards["Payments"].value == "2"
        assert cards["Payments"].change == "+100.0 %"
        assert cards["Conversion"].value == "50.0 %"
        assert (cards["Conversion"].change, cards["Conversion"].verdict) == ("-50.0 pp", "bad")
        assert (cards["Volume EUR"].value, cards["Volume EUR"].change) == ("30.00", "+100.0 %")
        assert "insufficient funds" in page.text

    def test_currencies_are_never_added_up(self, admin_client):
        pay(amount=3000)
        pay(amount=500, currency="jpy")

        cards = {card.name: card.value for card in admin_client.get(URL).context["cards"]}

        assert cards["Volume EUR"] == "30.00"
        assert cards["Volume JPY"] == "500"

    def test_they_are_converted_by_the_operators_rates(self, admin_client):
        ExchangeRate.objects.create(
            currency="jpy", into="eur", rate=Decimal("0.006"), valid_from=date(2020, 1, 1)
        )
        pay(amount=3000)
        pay(amount=500, currency="jpy")
        pay(amount=500, currency="usd")

        page = admin_client.get(URL)

        card = next(one for one in page.context["cards"] if one.name == "All volume in EUR")
        assert (card.value, card.note) == ("33.00", "no rate: USD")
        assert page.context["told"]["converted"][0]["now"]["volume"] == 3300

    def test_recurring_revenue_is_converted_too(self, admin_client):
        ExchangeRate.objects.create(
            currency="jpy", into="eur", rate=Decimal("0.006"), valid_from=date(2020, 1, 1)
        )
        subscribe(amount=1000)
        subscribe(amount=500, currency="jpy")

        page = admin_client.get(URL)

        card = next(one for one in page.context["cards"] if one.name == "All MRR in EUR")
        assert (card.value, card.note) == ("13.00", "by your rates")
        assert ("New, all in EUR", "+13.00 EUR", 2, True) in page.context["movements"]

    def test_filters(self, admin_client):
        pay()
        pay(currency="usd")
        pay(currency="usd", payment_type="subscription_renewal", ago=timedelta(days=3))

        def counted(**query):
            return admin_client.get(URL, query).context["told"]["totals"]["now"]["count"]

        assert counted() == 3
        assert counted(currency="usd") == 2
        assert counted(currency="USD", type="subscription_renewal") == 1
        assert counted(period="24h") == 2
        assert counted(period="nonsense", currency="€", type="x") == 3

    def test_what_stands_still_is_said(self, admin_client):
        assert 'role="alert"' not in admin_client.get(URL).text
        pay(status=PaymentStatus.REQUIRES_ACTION, ago=timedelta(hours=2))

        assert 'role="alert"' in admin_client.get(URL).text

    def test_the_pulse_changes_with_every_event(self, admin_client):
        before = admin_client.get(URL + "pulse/").json()["pulse"]
        event = pay()

        assert admin_client.get(URL + "pulse/").json()["pulse"] > before
        part = admin_client.get(URL, {"part": "1"}).text
        assert str(event.payment_id) in part
        assert "<html" not in part

    def test_statements_do_not_grow_with_the_payments(self, admin_client):
        counts = []
        for _ in range(2):
            for _ in range(5):
                pay(currency="usd", card_brand=f"b{uuid4().hex[:4]}")
            with CaptureQueriesContext(connection) as captured:
                admin_client.get(URL)
            counts.append(len(captured))

        assert counts[0] == counts[1]

    def test_the_ledger_is_checked(self, admin_client):
        cache.delete("dashboard-books")
        pay(amount=123456, amount_captured=123456, ago=SETTLES_WITHIN + timedelta(minutes=1))

        page = admin_client.get(URL + "books/").text

        cache.delete("dashboard-books")
        assert "1 difference" in page
        assert "captured 1,234.56, the ledger has 0.00 EUR" in page

    def test_what_stripe_has_not_settled_yet_is_no_difference(self, admin_client):
        cache.delete("dashboard-books")
        pay(amount=100, amount_captured=100, ago=SETTLES_WITHIN - timedelta(minutes=1))

        page = admin_client.get(URL + "books/").text

        cache.delete("dashboard-books")
        assert "difference" not in page

    def test_whatever_is_wrong_with_the_books_is_said_in_units(self):
        told = presentation.wrong(
            {
                "unbalanced": [{"currency": "jpy", "amount": -5}],
                "differences": [],
                "differences_from_stripe": [
                    {"day": date(2026, 11, 22), "currency": "eur", "what": what,
                     "at_stripe": 1200, "in_ledger": 2}
                    for what in ("transactions", "net")
                ],
            }
        )  # fmt: skip

        assert [(one.of, one.says) for one in told] == [
            ("JPY", "sums to -5 JPY, not zero"),
            ("2026-11-22", "1,200 EUR transactions at Stripe, 2 here"),
            ("2026-11-22", "net 12.00 at Stripe, 0.02 EUR here"),
        ]

    @pytest.mark.parametrize("path", ["", "pulse/", "books/", "figures.csv", "figures.json"])
    def test_staff_without_permission_sees_nothing(self, client, staff, path):
        assert client.get(URL + path).status_code == 302
        client.force_login(staff)
        assert client.get(URL + path).status_code == 403


@pytest.mark.django_db
class TestExports:
    def test_csv(self, admin_client):
        pay(amount=3000)

        response = admin_client.get(URL + "figures.csv", {"period": "7d"})

        assert response["Content-Type"].startswith("text/csv")
        assert 'filename="paybridge-7d-' in response["Content-Disposition"]
        (row,) = csv.DictReader(io.StringIO(response.text))
        assert (row["currency"], row["count"], row["volume"]) == ("eur", "1", "3000")

    def test_json(self, admin_client):
        pay(amount=3000)

        told = json.loads(admin_client.get(URL + "figures.json").text)

        assert told["currencies"][0]["now"]["volume"] == 3000
        assert told["totals"]["now"]["conversion"] == 1


class TestCharts:
    def draw(self, stacks, **options):
        svg = stacked_bars(stacks, layers=("a", "b"), title="T", hourly=False, **options)
        return ET.fromstring(svg)  # noqa: S314 - our own

    def test_bars_are_as_high_as_their_values(self):
        at = timezone.now()
        svg = self.draw([Stack(at=at, values=[1, 3], told="<both>")])

        low, high = (next(r for r in svg.iter("rect") if r.get("class") == name) for name in "ab")
        assert float(high.get("height")) == pytest.approx(3 * float(low.get("height")), rel=0.01)
        assert next(svg.iter("title")).text == "<both>"

    @pytest.mark.parametrize("values", [[0, 0], [10**12, 0], [0.5, 0.5]])
    def test_nothing_and_much_are_drawn(self, values):
        svg = self.draw([Stack(at=timezone.now(), values=values, told="")])

        for rect in svg.iter("rect"):
            assert float(rect.get("height")) <= 220

    def test_no_time_is_drawn(self):
        assert self.draw([]).get("role") == "img"


def test_every_period_has_few_points():
    for name in ("24h", "7d", "30d", "90d", "365d"):
        choice = Choice(name=name, now=timezone.now())
        assert choice.period.end > choice.now
