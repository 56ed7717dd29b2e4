import uuid
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admin_project.analytics import selectors
from admin_project.analytics.models import ExchangeRate, MrrMovement, SubscriptionFact
from admin_project.analytics.selectors import Period
from admin_project.analytics.services.mrr import mrr_of
from kafka_bridge.contracts import SubscriptionPaymentUpdated
from tests.admin import histories
from tests.admin.conftest import NOW, subscription_state
from tests.admin.test_rebuild import take, undone


def told(*changes, subscription_id=None):
    subscription_id = subscription_id or uuid.uuid4()
    take(
        [
            subscription_state(subscription_id, number, **one)
            for number, one in enumerate(changes, 1)
        ]
    )


def rate(currency, into, worth, valid_from):
    ExchangeRate.objects.create(
        currency=currency, into=into, rate=Decimal(worth), valid_from=valid_from.date()
    )


def moved():
    rows = MrrMovement.objects.order_by("occurred_at", "currency")
    return list(rows.values_list("kind", "amount"))


class TestWorth:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({}, 1000),
            ({"quantity": 3}, 3000),
            ({"quantity": 0}, 0),
            ({"interval": "year", "amount": 12_000}, 1000),
            ({"interval_count": 3}, 333),
            ({"interval": "week"}, 4333),
            ({"interval": "day", "amount": 100}, 3042),
            ({"status": "past_due"}, 1000),
            ({"status": "trialing"}, 0),
            ({"status": "unpaid"}, 0),
            ({"status": "canceled"}, 0),
            ({"paused": True}, 0),
        ],
    )
    def test_what_a_subscription_brings_a_month(self, fields, expected):
        assert mrr_of(subscription_state(uuid.uuid4(), **fields)) == expected


@pytest.mark.django_db
class TestMovements:
    def test_each_kind(self):
        told(
            {"status": "trialing", "trial_end": NOW},
            {},
            {"amount": 1500},
            {"amount": 1200},
            {"status": "canceled"},
            {},
        )

        assert moved() == [
            ("new", 1000),
            ("expansion", 500),
            ("contraction", -300),
            ("churn", -1200),
            ("reactivation", 1000),
        ]
        (now,) = selectors.mrr()
        assert (now.amount, now.subscriptions) == (1000, 1)

    def test_another_currency_is_churn_in_one_and_a_return_in_the_other(self):
        told({}, {"currency": "usd", "amount": 1100})

        assert moved() == [("new", 1000), ("churn", -1000), ("reactivation", 1100)]

    def test_a_revision_that_comes_late_takes_its_place(self):
        one = uuid.uuid4()
        take([subscription_state(one, 1), subscription_state(one, 3, amount=3000)])
        take([subscription_state(one, 2, amount=2000)])

        assert moved() == [("new", 1000), ("expansion", 1000), ("expansion", 1000)]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(histories.states, max_size=20, unique_by=lambda one: one.event_id))
    def test_movements_add_up_to_what_the_states_bring(self, events):
        with undone():
            take(events)
            brings = Counter()
            paying = Counter()
            for fact in SubscriptionFact.objects.filter(mrr__gt=0):
                brings[fact.currency] += fact.mrr
                paying[fact.currency] += 1

            found = selectors.mrr()
            assert {one.currency: one.amount for one in found} == dict(brings)
            assert {one.currency: one.subscriptions for one in found} == dict(paying)

            middle = histories.START + timedelta(days=20)
            end = histories.START + timedelta(days=41)
            before = Counter({one.currency: one.amount for one in selectors.mrr(middle)})
            for one in selectors.mrr_movements(Period(middle, end)):
                before[one.currency] += one.amount
            assert {name: amount for name, amount in before.items() if amount} == dict(brings)

    def test_all_currencies_in_one_by_the_rates_of_the_end(self):
        rate("usd", "eur", "0.5", NOW - timedelta(days=60))
        rate("usd", "eur", "0.9", NOW + timedelta(days=10))
        rate("jpy", "eur", "0.006", NOW)
        told({"timestamp": NOW - timedelta(days=9)})
        told({"timestamp": NOW - timedelta(days=9), "currency": "usd"}, {"status": "canceled"})
        told({"currency": "jpy", "amount": 500})
        told({"currency": "gbp"})

        (found,) = selectors.converted_mrr(Period(NOW, NOW + timedelta(days=30)))

        assert (found.into, found.missing) == ("eur", ["gbp"])
        assert (found.amount_before, found.amount) == (1000 + 900, 1000 + 300)
        assert [(one.kind, one.amount, one.count) for one in found.movements] == [
            ("churn", -900, 1),
            ("new", 300, 1),
        ]

    def test_the_rate_of_tomorrow_counts_tomorrow(self):
        now = NOW.replace(hour=23, minute=30)
        rate("usd", "eur", "0.5", NOW)
        rate("usd", "eur", "0.9", NOW + timedelta(days=1))
        told({"currency": "usd", "timestamp": NOW})

        (found,) = selectors.converted_mrr(Period.until(now, days=1))

        assert found.amount == 500

    def test_without_a_rate_nothing_is_converted(self):
        told({})

        assert selectors.converted_mrr(Period(NOW, NOW + timedelta(days=30))) == []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(histories.states, max_size=20, unique_by=lambda one: one.event_id),
        st.decimals("0.001", 200, places=6),
    )
    def test_what_is_converted_adds_up_too(self, events, worth):
        middle = histories.START + timedelta(days=20)
        period = Period(middle, histories.START + timedelta(days=41))
        with undone():
            rate("jpy", "eur", worth, histories.START)
            take(events)
            exact = Counter({one.currency: one.amount for one in selectors.mrr(period.end)})

            (found,) = selectors.converted_mrr(period)

            assert found.amount == round(exact["eur"] + 100 * exact["jpy"] * worth)
            moved = sum(one.amount for one in found.movements)
            assert found.amount_before + moved == found.amount


def invoice(invoice_id, revision, status, code=None, **fields):
    return SubscriptionPaymentUpdated(
        **{
            "customer_id": f"c{invoice_id}",
            "subscription_id": uuid.UUID(int=1),
            "invoice_id": invoice_id,
            "status": status,
            "billing_reason": "subscription_cycle",
            "amount_due": 900,
            "amount_paid": 900 if status == "paid" else 0,
            "currency": "eur",
            "decline_code": code,
            "revision": revision,
            "timestamp": NOW + timedelta(days=revision),
            **fields,
        }
    )


@pytest.mark.django_db
class TestLives:
    PERIOD = Period(NOW, NOW + timedelta(days=30))

    def test_churn(self):
        for _ in range(3):
            told({"timestamp": NOW - timedelta(days=9)})
        told({"timestamp": NOW - timedelta(days=9)}, {"status": "canceled"})
        # It began and ended within the period: nothing of what there was at its start.
        told(
            {"timestamp": NOW + timedelta(days=1)},
            {"status": "canceled", "timestamp": NOW + timedelta(days=2)},
        )

        (found,) = selectors.churn(self.PERIOD)

        assert (found.subscriptions_at_start, found.subscriptions_lost) == (4, 1)
        assert (found.rate, found.mrr_rate, found.mrr_lost) == (0.25, 0.25, 1000)

    def test_retention_cohorts(self):
        told({})
        told({}, {"status": "canceled", "timestamp": NOW + timedelta(days=40)})
        told({"timestamp": NOW + timedelta(days=35)})

        found = selectors.retention_cohorts(months=3, at=NOW + timedelta(days=65))

        assert [(one.month.month, one.size, one.paying) for one in found] == [
            (11, 2, [2, 2, 1]),
            (12, 1, [1, 1]),
        ]

    def test_trial_conversion(self):
        trial = {"status": "trialing", "trial_end": NOW + timedelta(days=2)}
        pays, is_declined = uuid.uuid4(), uuid.uuid4()
        told(trial)
        told(trial, {}, subscription_id=pays)
        told(trial, {"status": "past_due"}, subscription_id=is_declined)
        told(trial, {"status": "canceled"})
        told({})
        take(
            [
                invoice("in_1", 1, "paid", subscription_id=pays),
                invoice("in_2", 1, "open", "do_not_honor", subscription_id=is_declined),
            ]
        )

        found = selectors.trial_conversion(self.PERIOD)

        assert (found.trials, found.converted, found.lost, found.open) == (4, 1, 1, 2)
        assert found.rate == 0.5

    def test_dunning_by_decline_code(self):
        take([invoice("in_1", 3, "paid"), invoice("in_2", 1, "open", "do_not_honor")])
        take([invoice("in_1", 1, "open", "expired_card"), invoice("in_3", 1, "paid")])
        take([invoice("in_1", 2, "open", "do_not_honor"), invoice("in_2", 2, "void")])

        take([invoice("in_4", 1, "open", "lost_card", billing_reason="subscription_create")])

        expired, refused = sorted(
            selectors.dunning(self.PERIOD), key=lambda one: one.decline_code, reverse=True
        )
        assert (expired.decline_code, expired.rate, expired.amount_recovered) == (
            "expired_card",
            1.0,
            900,
        )
        assert (refused.decline_code, refused.failed, refused.lost) == ("do_not_honor", 1, 1)


@pytest.mark.django_db
class TestOfOneCurrency:
    PERIOD = Period(NOW, NOW + timedelta(days=30))

    def test_revenue(self):
        before = NOW - timedelta(days=9)
        rate("usd", "eur", "0.5", before)
        rate("eur", "usd", "2", before)
        told({"timestamp": before}, {"status": "canceled"})
        told({"timestamp": before, "currency": "usd"}, {"currency": "usd", "amount": 400})
        told({"timestamp": before, "currency": "usd"})

        (now,) = selectors.mrr(currency="usd")
        (at_start,) = selectors.mrr(NOW, currency="usd")
        (moved,) = selectors.mrr_movements(self.PERIOD, currency="usd")
        (churn,) = selectors.churn(self.PERIOD, currency="usd")
        (in_eur,) = selectors.converted_mrr(self.PERIOD, currency="usd")

        assert (now.currency, now.amount, at_start.amount) == ("usd", 1400, 2000)
        assert (moved.currency, moved.kind, moved.amount) == ("usd", "contraction", -600)
        assert (churn.subscriptions_at_start, churn.subscriptions_lost) == (2, 0)
        assert (in_eur.into, in_eur.amount_before, in_eur.amount) == ("eur", 1000, 700)
        assert [one.kind for one in in_eur.movements] == ["contraction"]

    def test_cohorts_are_of_what_subscriptions_are_in_now(self):
        told({})
        told({"currency": "usd"})
        told({}, {"currency": "usd", "timestamp": NOW + timedelta(days=40)})

        def cohorts(currency):
            found = selectors.retention_cohorts(at=NOW + timedelta(days=40), currency=currency)
            return [(one.size, one.paying) for one in found]

        assert cohorts("eur") == [(1, [1, 1, 1])]
        assert cohorts("usd") == [(2, [2, 2, 2])]
        assert cohorts("") == [(3, [3, 3, 3])]

    def test_trials(self):
        for currency in ("eur", "usd", "usd"):
            told({"status": "trialing", "trial_end": NOW, "currency": currency})

        assert selectors.trial_conversion(self.PERIOD, currency="usd").trials == 2

    def test_dunning(self):
        take([invoice(f"in_{one}", 1, "open", "lost_card", currency=one) for one in ("eur", "usd")])

        (found,) = selectors.dunning(self.PERIOD, currency="usd")

        assert (found.currency, found.failed) == ("usd", 1)
