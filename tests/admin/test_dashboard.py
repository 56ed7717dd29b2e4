import csv
import io
import json
from collections import Counter
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
from tests.admin.test_mrr import invoice

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

    def test_what_was_captured_in_part_is_shown_as_that_part(self, admin_client):
        pay(amount=10000, amount_captured=4000)
        held = {"status": PaymentStatus.REQUIRES_CAPTURE, "amount_captured": 0}
        pay(amount=9000, ago=timedelta(minutes=6), **held)

        page = admin_client.get(URL)

        card = next(one for one in page.context["cards"] if one.name == "Volume EUR")
        assert (card.value, card.note) == ("40.00", "40.00 on average")
        (_, chart), *_ = page.context["charts"].volumes
        assert ": 40.00 EUR" in chart
        assert ": 100.00 EUR" not in chart
        for bars in dict(page.context["breakdowns"]).values():
            assert {bar.volume for bar in bars} <= {"40.00 EUR", ""}
        assert [money for _, money in page.context["newest"]] == ["40.00 EUR", "90.00 EUR"]

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
        assert ("New, converted", "+13.00 EUR", 2, True) in page.context["movements"]

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

    def test_subscriptions_follow_the_currency_and_the_page_says_that_no_type_does(
        self, admin_client
    ):
        for currency in ("eur", "usd"):
            subscribe(currency=currency)

        def cards(**query):
            page = admin_client.get(URL, query)
            names = [card.name for card in page.context["cards"]]
            return [name for name in names if name.startswith("MRR")], page.text

        assert cards()[0] == ["MRR EUR", "MRR USD"]
        assert cards(currency="usd")[0] == ["MRR USD"]
        names, page = cards(currency="usd", type="one_off")
        assert names == ["MRR USD"]
        assert "retention are of all types, in USD." in page
        assert "are of all types" not in cards()[1] + cards(currency="usd")[1]

    def test_a_chosen_currency_leaves_the_others_to_choose(self, admin_client):
        pay()
        pay(currency="usd", ago=timedelta(days=400))
        subscribe(currency="gbp")

        assert admin_client.get(URL).context["currencies"] == ["eur", "gbp", "usd"]
        assert admin_client.get(URL, {"currency": "usd"}).context["currencies"] == [
            *("eur", "gbp", "usd")
        ]
        page = admin_client.get(URL, {"currency": "jpy"}).text
        assert '<option value="jpy" selected>JPY</option>' in page

    def test_rates_and_volumes_of_each_kind_of_payment(self, admin_client):
        for status in ("succeeded", "succeeded", "requires_payment_method", "processing"):
            pay(status=PaymentStatus(status), amount=1000)
        pay(currency="jpy", amount=500)

        page = admin_client.get(URL)

        cards = {card.name: card.value for card in page.context["cards"]}
        assert (cards["Success"], cards["Conversion"], cards["Failure"]) == (
            *("75.0 %", "60.0 %", "20.0 %"),
        )
        (bar,) = dict(page.context["breakdowns"])["Card brand"]
        assert (bar.value, bar.rates) == ("5", ("75.0 %", "20.0 %", "60.0 %"))
        assert bar.volume == "20.00 EUR · 500 JPY"
        assert bar.volume in page.text

    def test_churn_trials_and_dunning(self, admin_client):
        ago = timezone.now() - timedelta(days=40)
        gone = uuid4()
        for subscription in (uuid4(), gone):
            count([subscription_state(subscription, timestamp=ago)])
        recently = ago + timedelta(days=35)
        count([subscription_state(gone, 2, status="canceled", timestamp=recently)])
        stays, given_up = (
            subscription_state(uuid4(), status="trialing", trial_end=recently) for _ in range(2)
        )
        count([stays, given_up])
        count([subscription_state(given_up.subscription_id, 2, status="canceled")])
        count([invoice("in_1", 1, "open", "lost_card", timestamp=recently)])
        count([invoice("in_1", 2, "paid", timestamp=recently)])
        count([invoice("in_2", 1, "open", "lost_card", timestamp=recently)])

        page = admin_client.get(URL)

        (churn,) = (card for card in page.context["cards"] if card.name == "Churn EUR")
        assert churn.value == "50.0 %"
        assert churn.note == "1 of 2 subscriptions · 50.0 % of MRR"
        assert dict(page.context["trials"]) == {
            "conversion": "0.0 %",
            "converted": "0",
            "lost": "1",
            "open": "1",
        }
        (dunning,) = page.context["dunning"]
        assert (dunning.name, dunning.value) == ("lost card", "2")
        assert dunning.rates == ("1", "0", "50.0 %")
        assert (dunning.volume, dunning.volume in page.text) == ("9.00 of 18.00 EUR", True)

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
    def rows(self, admin_client, **query):
        response = admin_client.get(URL + "figures.csv", query)
        assert response["Content-Type"].startswith("text/csv")
        return list(csv.DictReader(io.StringIO(response.text)))

    def test_csv(self, admin_client):
        pay(amount=3000)
        pay(amount=500, currency="jpy", status=PaymentStatus.PROCESSING)
        subscribe()

        rows = self.rows(admin_client, period="7d")

        found = {tuple(row.values())[:5]: (row["value"], row["units"]) for row in rows}
        today = f"{timezone.now() - timedelta(minutes=5):%Y-%m-%d} 00:00:00+00:00"
        assert len(found) == len(rows)
        assert found["choice", "", "", "", "name"] == ("7d", "")
        assert found["totals", "now", "", "", "success_rate"] == ("1.0", "")
        assert found["currencies", "before", "", "jpy", "volume"] == ("0", "0")
        assert found["series", "", today, "eur", "volume"] == ("3000", "30.00")
        assert found["breakdowns.card_brand", "", "visa", "jpy", "count"] == ("1", "")
        assert found["subscriptions.mrr", "", "", "eur", "amount"] == ("1000", "10.00")
        assert found["subscriptions.movements", "", "new", "eur", "count"] == ("1", "")
        assert found["latency", "", "", "", "count"] == ("2", "")
        assert ("totals", "now", "", "", "volume") not in found

    def test_volume_in_csv_is_what_was_captured(self, admin_client):
        pay(amount=10000, amount_captured=4000)

        rows = self.rows(admin_client, period="7d")

        told = {
            (row["value"], row["units"])
            for row in rows
            if row["figure"] in ("volume", "average") and row["value"] not in ("", "0")
        }
        assert told == {("4000", "40.00")}

    def test_csv_has_all_that_json_has(self, admin_client):
        ExchangeRate.objects.create(
            currency="jpy", into="eur", rate=Decimal("0.006"), valid_from=date(2020, 1, 1)
        )
        pay(card_brand="amex", subscription_plan_id="pro", decline_code="lost_card")
        pay(currency="jpy", ago=timedelta(days=40))
        subscribe(trial_end=timezone.now())
        subscribe(currency="jpy", timestamp=timezone.now() - timedelta(days=40))
        count([invoice("in_1", 1, "open", "lost_card", timestamp=timezone.now())])

        def figures(told):
            if isinstance(told, dict | list):
                for one in told.values() if isinstance(told, dict) else told:
                    yield from figures(one)
            elif not isinstance(told, str):
                yield "" if told is None else str(told)

        told = admin_client.get(URL + "figures.json").json()
        del told["currency"], told["payment_type"]
        for total in told["totals"].values():
            for name in ("volume", "captured", "refunded", "average"):
                del total[name]  # Amounts of several currencies have no sum.
        rows = self.rows(admin_client)

        found = Counter(row["value"] for row in rows if row["section"] != "choice")
        assert found == Counter(figures(told))
        for panel in ("mrr", "movements", "converted", "churn", "trials", "dunning", "cohorts"):
            assert f"subscriptions.{panel}" in {row["section"] for row in rows}

    def test_csv_is_no_formula(self, admin_client):
        pay(subscription_plan_id="=1+1", payment_type="subscription_first")

        rows = self.rows(admin_client)

        plans = {row["of"] for row in rows if row["section"] == "breakdowns.plan"}
        assert plans == {"'=1+1"}

    def test_csv_has_negative_figures(self, admin_client):
        one, at = uuid4(), timezone.now() - timedelta(hours=1)
        count([subscription_state(one, timestamp=at)])
        count([subscription_state(one, 2, amount=400, timestamp=at)])

        (row,) = (
            row
            for row in self.rows(admin_client)
            if (row["of"], row["figure"]) == ("contraction", "amount")
        )

        assert (row["value"], row["units"]) == ("-600", "-6.00")

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
