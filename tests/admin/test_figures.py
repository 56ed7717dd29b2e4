import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from admin_project.analytics import selectors
from admin_project.analytics.models import ExchangeRate, Grain, PaymentAggregate
from admin_project.analytics.selectors import Filters, Period
from kafka_bridge.contracts import PaymentStatus
from tests.admin.conftest import NOW, measured
from tests.admin.test_rebuild import take

DECLINED = {
    "status": PaymentStatus.REQUIRES_PAYMENT_METHOD,
    "decline_code": "insufficient_funds",
}
DAY = Period(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))


def pay(*payments):
    take([measured(customer_id=f"c{uuid.uuid4()}", **fields) for fields in payments])


@pytest.mark.django_db
class TestFigures:
    def test_of_a_period_by_currency_with_the_one_before(self):
        yesterday = NOW - timedelta(days=1)
        pay(
            {},
            {"amount": 1, "amount_refunded": 1, "dispute_status": "lost", "timestamp": NOW},
            DECLINED,
            {"status": PaymentStatus.PROCESSING},
            {"currency": "jpy"},
            {"requested_at": yesterday, "amount": 7},
            {"requested_at": NOW + timedelta(days=1)},
        )

        eur, jpy = selectors.figures(DAY)

        assert (eur.currency, jpy.currency) == ("eur", "jpy")
        now = eur.now
        assert (now.count, now.succeeded, now.failed, now.volume) == (4, 2, 1, 2000)
        assert (now.success_rate, now.conversion, now.failure_rate) == (2 / 3, 0.5, 0.25)
        assert now.average == 1000
        assert (now.refunded, now.refunds, now.disputes) == (1, 1, 1)
        assert (eur.before.count, eur.before.volume) == (1, 7)
        assert jpy.before.conversion is None

    def test_volume_is_what_was_captured_of_what_succeeded(self):
        ExchangeRate.objects.create(
            currency="usd", into="eur", rate=Decimal("0.5"), valid_from=date(2026, 11, 1)
        )
        held = uuid.uuid4()
        waits = {"status": PaymentStatus.REQUIRES_CAPTURE, "amount_captured": 0}
        part = {"amount": 10000, "amount_captured": 4000}
        pay({"payment_id": held, "amount": 10000, **waits}, {"amount": 9000, **waits})
        pay({"payment_id": held, "revision": 2, **part}, {"amount": 1000})
        pay({"currency": "usd", **part})

        eur, usd = selectors.figures(DAY)
        (converted,) = selectors.converted_figures(DAY)

        assert (eur.now.volume, eur.now.captured, eur.now.average) == (5000, 5000, 2500)
        assert (usd.now.volume, usd.now.average) == (4000, 4000)
        assert converted.now.volume == 5000 + 2000
        assert selectors.payment_figures()["volume"] == {"eur": 5000, "usd": 4000}
        for grain in (Grain.HOUR, Grain.DAY):
            told = [one.figures.volume for one in selectors.series(DAY, grain=grain)]
            assert told == [5000, 4000]
        for by in ("country", "card_brand", "payment_type", "currency"):
            told = [one.figures.volume for one in selectors.breakdown(DAY, by)]
            assert told == [5000, 4000]

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            *((0, 24), (9, 11), (10, 30), (-5, 24), (-30, 40), (-14, 10), (-1000, 1000)),
            *((-24 * 52, 24 * 9), (-24 * 52 - 3, 24 * 9 + 5), (-24 * 21, 24 * 9), (200, 900)),
        ],
    )
    def test_months_days_and_hours_make_up_any_period(self, start, end):
        moments = [NOW + timedelta(hours=hours) for hours in range(-1300, 1000, 31)]
        pay(*({"requested_at": moment} for moment in moments))
        period = Period(DAY.start + timedelta(hours=start), DAY.start + timedelta(hours=end))

        counts = [one.now.count for one in selectors.figures(period)]

        expected = sum(period.start <= moment < period.end for moment in moments)
        assert sum(counts) == expected

    def test_filters(self):
        pay({}, {"currency": "usd"}, {"payment_type": "subscription_first"}, {"card_country": "DE"})

        def count(**filters):
            return sum(one.now.count for one in selectors.figures(DAY, Filters(**filters)))

        assert count() == 4
        assert count(currency="usd") == 1
        assert count(payment_type="one_off") == 3
        assert count(by="country", value="DE") == 1
        assert count(by="country", value="FR", currency="eur") == 2

    def test_series(self):
        pay({}, {"requested_at": NOW + timedelta(hours=2)}, {"requested_at": NOW})

        hours = selectors.series(DAY, grain=Grain.HOUR)
        days = selectors.series(DAY)

        assert [(one.starts_at.hour, one.figures.count) for one in hours] == [(10, 2), (12, 1)]
        assert [(one.starts_at, one.figures.count) for one in days] == [(DAY.start, 3)]

    @pytest.mark.parametrize(
        ("by", "expected"),
        [
            ("country", {"FR": 3, "DE": 1}),
            ("card_brand", {"visa": 3, "amex": 1}),
            ("decline_code", {"insufficient_funds": 1}),
            ("plan", {"pro": 1}),
            ("payment_type", {"one_off": 3, "subscription_renewal": 1}),
            ("currency", {"eur": 4}),
            ("status", {"succeeded": 3, "requires_payment_method": 1}),
        ],
    )
    def test_breakdown(self, by, expected):
        pay(
            {},
            DECLINED,
            {"card_country": "DE", "card_brand": "amex"},
            {"payment_type": "subscription_renewal", "subscription_plan_id": "pro"},
        )

        found = selectors.breakdown(DAY, by)

        assert {one.value: one.figures.count for one in found} == expected

    def test_three_d_secure_is_followed_to_its_end(self):
        ids = [uuid.uuid4() for _ in range(6)]
        asked = PaymentStatus.REQUIRES_ACTION
        refused = {
            "status": DECLINED["status"],
            "error_code": "payment_intent_authentication_failure",
        }
        pay({}, {"three_d_secure": "frictionless"})
        pay(*({"payment_id": one, "status": asked} for one in ids))
        ends = [
            {"status": PaymentStatus.SUCCEEDED, "three_d_secure": "challenge"},
            {"status": PaymentStatus.CANCELED},
            refused,
            refused,
            {"status": PaymentStatus.REQUIRES_CAPTURE, "three_d_secure": "challenge"},
        ]
        pay(
            *(
                {"payment_id": one, "revision": 2, **end}
                for one, end in zip(ids, ends, strict=False)
            )
        )
        # What was refused is given up a day later, and what was authorised is never captured.
        pay(
            *(
                {"payment_id": one, "revision": 3, "status": PaymentStatus.CANCELED}
                for one in ids[3:5]
            )
        )

        assert selectors.three_d_secure_funnel(DAY) == selectors.Funnel(
            payments=8, asked=7, challenged=4, completed=3, failed=2, abandoned=1, waiting=1
        )

    def test_latency_is_that_of_the_first_answer(self):
        slow = uuid.uuid4()
        answers = [{"timestamp": NOW + timedelta(milliseconds=100)} for _ in range(9)]
        pay(*answers, {"payment_id": slow, "timestamp": NOW + timedelta(seconds=5)})
        pay({"payment_id": slow, "timestamp": NOW + timedelta(days=2), "revision": 2})
        # Nobody waits for a renewal: its invoice is made an hour before it is charged.
        hour_later = NOW + timedelta(hours=1)
        pay({"payment_type": "subscription_renewal", "timestamp": hour_later})

        found = selectors.latency(DAY)

        assert found.count == 10
        assert 100 <= found.p50 <= 110
        assert 5000 <= found.p95 <= 5500

    def test_currencies_are_converted_by_the_rate_of_the_day(self):
        for day, rate in ((1, "0.005"), (22, "0.006"), (25, "9")):
            ExchangeRate.objects.create(
                currency="jpy", into="eur", rate=Decimal(rate), valid_from=date(2026, 11, day)
            )
        pay({"amount": 1000}, {"amount": 500, "currency": "jpy"}, {"currency": "usd"})

        (found,) = selectors.converted_figures(DAY)

        assert (found.into, found.now.missing) == ("eur", ["usd"])
        assert found.now.volume == 1000 + 300

    def test_a_day_that_the_period_cuts_is_converted_by_its_hours(self):
        ExchangeRate.objects.create(
            currency="jpy", into="eur", rate=Decimal("0.01"), valid_from=date(2026, 11, 1)
        )
        day = timedelta(days=1)
        period = Period(DAY.start + timedelta(hours=10), DAY.end + timedelta(hours=10))
        for at in (
            period.start - timedelta(minutes=1),
            period.start,
            period.start + day / 2,
            period.end - timedelta(minutes=1),
            period.end,
        ):
            pay({"amount": 100, "currency": "jpy", "requested_at": at})  # fmt: skip

        (found,) = selectors.converted_figures(period)

        assert (found.now.volume, found.before.volume) == (300, 100)

    def test_what_comes_back_counts_when_it_does(self):
        one, next_day = uuid.uuid4(), NOW + timedelta(days=1)
        steps = [
            {"revision": 1},
            {"revision": 2, "amount_refunded": 500, "timestamp": NOW},
            {"revision": 3, "amount_refunded": 800, "timestamp": next_day},
            {"revision": 4, "amount_refunded": 300, "timestamp": next_day},
            {"revision": 5, "amount_refunded": 300, "dispute_status": "needs_response",
             "timestamp": next_day},
            {"revision": 6, "amount_refunded": 300, "dispute_status": "lost",
             "timestamp": next_day + timedelta(days=9)},
        ]  # fmt: skip
        for step in [*steps[2:], *steps[:2]]:
            pay({"payment_id": one, **step})

        (day,) = selectors.figures(DAY)
        (next_one,) = selectors.figures(Period(DAY.end, DAY.end + timedelta(days=1)))
        (country,) = selectors.breakdown(DAY, "country")

        assert (day.now.count, day.now.refunded, day.now.refunds) == (1, 500, 1)
        assert (next_one.now.count, next_one.now.refunded, next_one.now.refunds) == (0, -200, 0)
        assert (day.now.disputes, next_one.now.disputes) == (0, 1)
        assert country.figures.refunded == 500

    def test_a_row_of_nothing_is_deleted(self):
        payment_id = uuid.uuid4()
        pay({"payment_id": payment_id, **DECLINED})
        pay({"payment_id": payment_id, "revision": 2, "card_country": "DE"})

        assert not PaymentAggregate.objects.filter(status=DECLINED["status"]).exists()
        assert not PaymentAggregate.objects.filter(value="FR").exists()
