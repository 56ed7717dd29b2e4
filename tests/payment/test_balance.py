"""The balance at Stripe: each movement recorded and told once, and what is listed counted."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from devstack.waiting import wait_until
from kafka_bridge.contracts import (
    ACCOUNT,
    BalanceCounted,
    BalanceTransactionRecorded,
    CurrencyCount,
)
from kafka_bridge.models import OutboxEvent
from payment_project.balance import services
from payment_project.balance.models import BalanceTransaction, Watermark
from payment_project.balance.services import counting, recording
from tests.payment.conftest import asked, published

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def since_now(at_stripe, settings):
    """What other tests did at the emulator is read already."""
    services.record_balance()
    OutboxEvent.objects.all().delete()


@pytest.fixture
def paid(paid, at_stripe):
    """Handle a request to pay; its charge moves the balance a moment later."""

    def settled(payment):
        charges = at_stripe.get(f"/v1/charges?payment_intent={payment.payment_intent_id}")
        return all(charge["balance_transaction"] for charge in charges["data"])

    def paid_and_settled(*arguments, **fields):
        payment = paid(*arguments, **fields)
        wait_until(lambda: settled(payment), what="the charge to move the balance")
        return payment

    return paid_and_settled


def moved(payment_id=None):
    return [
        event
        for event in published()
        if isinstance(event, BalanceTransactionRecorded)
        and (payment_id is None or event.payment_id == payment_id)
    ]


class TestWhatMoved:
    def test_charge_refund_and_dispute_are_told_with_their_payment(self, handle, at_stripe, paid):
        refunded, disputed = paid(), paid("pm_card_createDispute")
        handle(asked("refund", refunded, amount=500))

        services.record_balance()

        charge, refund = moved(refunded.id)
        assert (charge.type, charge.amount, charge.fee, charge.net) == ("charge", 1999, 88, 1911)
        assert (refund.type, refund.amount, refund.net) == ("refund", -500, -500)
        assert {event.customer_id for event in (charge, refund)} == {refunded.customer_id}
        assert {event.payment_intent_id for event in (charge, refund)} == {
            refunded.payment_intent_id
        }
        assert {event.reporting_category for event in moved(disputed.id)} == {"charge", "dispute"}

    def test_what_stripe_exchanges_is_told_in_the_currency_of_the_payment_too(
        self, handle, at_stripe, paid
    ):
        at_stripe.command("settlement", gbp=["eur", 1.17])
        try:
            payment = paid(amount=1000, currency="gbp")
            handle(asked("refund", payment, amount=499))
        finally:
            at_stripe.command("settlement")

        services.record_balance()

        charge, refund = moved(payment.id)
        assert (charge.amount, charge.currency, refund.amount) == (1170, "eur", -584)
        assert [(one.presentment_amount, one.presentment_currency) for one in (charge, refund)] == [
            (1000, "gbp"),
            (-499, "gbp"),
        ]

    def test_refund_made_in_the_dashboard_is_found_by_its_payment(self, at_stripe, paid):
        payment = paid()
        made = at_stripe.post("/v1/refunds", payment_intent=payment.payment_intent_id)

        services.record_balance()

        assert [event.source_id for event in moved(payment.id)][1:] == [made["id"]]

    def test_what_concerns_nobody_here_is_the_accounts(self, at_stripe, monkeypatch):
        intent = at_stripe.post(
            "/v1/payment_intents", amount=500, currency="eur", confirm="true",
            payment_method="pm_card_visa", **{"allowed_payment_method_types[]": "card"},
        )  # fmt: skip

        services.record_balance()
        assert moved() == []  # its own events may still tell whose it is

        later = timezone.now() + timedelta(minutes=3)
        monkeypatch.setattr(recording.database, "now", lambda: later)
        services.record_balance()
        (event,) = [one for one in moved() if one.payment_intent_id == intent["id"]]
        assert (event.customer_id, event.payment_id) == (ACCOUNT, None)


class TestOnce:
    def test_read_again_nothing_is_told_again(self, paid):
        payment = paid()
        assert services.record_balance() == 1

        assert services.record_balance() == 0
        call_command("record_balance", hours=1)
        assert len(moved(payment.id)) == 1

    def test_killed_before_the_end_it_reads_all_of_it_again(self, paid, monkeypatch):
        payment, read_until = paid(), Watermark.objects.get().read_until
        monkeypatch.setattr(recording, "_read", _dies)
        with pytest.raises(KeyboardInterrupt):
            services.record_balance()
        monkeypatch.undo()
        assert Watermark.objects.get().read_until == read_until

        services.record_balance()

        assert len(moved(payment.id)) == 1
        assert Watermark.objects.get().read_until > read_until

    def test_looking_back_less_far_than_the_last_time_leaves_nothing_out(self, paid, monkeypatch):
        payment, later = paid(), timezone.now() + timedelta(hours=5)
        monkeypatch.setattr(recording.database, "now", lambda: later)

        call_command("record_balance", hours=1)

        assert len(moved(payment.id)) == 1

    def test_beat_does_it(self):
        scheduled = {entry["task"] for entry in current_app.conf.beat_schedule.values()}

        assert "payment_project.balance.tasks.record_balance" in scheduled


@pytest.mark.django_db(transaction=True)
def test_two_runners_at_once_tell_everything_once(at_stripe, paid):
    payments = [paid() for _ in range(3)]

    def run(_):
        try:
            return services.record_balance()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as runners:
        counts = list(runners.map(run, range(4)))

    assert sum(counts) == 3
    assert sorted(event.payment_id for event in moved()) == sorted(one.id for one in payments)


class TestCounts:
    @pytest.fixture(autouse=True)
    def long_after(self, monkeypatch):
        later = timezone.now() + 2 * recording.OVERLAP
        monkeypatch.setattr(recording.database, "now", lambda: later)
        services.record_balance()

    def test_all_that_stripe_lists_is_counted_also_what_was_not_recorded(self, paid):
        known = set(BalanceTransaction.objects.values_list("id", flat=True))
        before = counted()
        paid()
        paid("pm_card_createDispute")

        after = counted()

        services.record_balance(since=timezone.now() - timedelta(hours=1))
        new = BalanceTransaction.objects.exclude(id__in=known)
        assert {
            what: sum_ - before[what] for what, sum_ in after.items() if sum_ != before[what]
        } == {
            ("eur", "transactions"): 3,
            ("eur", "amount"): 1999,
            ("eur", "fee"): 88 + 88 + 1500,
            ("eur", "net"): 1999 - 88 - 88 - 1500,
            ("eur", "checksum"): sum(
                CurrencyCount.checksum_of(one.id, amount=one.amount, fee=one.fee) for one in new
            ),
        }

    def test_days_follow_one_another_up_to_what_was_recorded(self, paid):
        paid()
        read_until = Watermark.objects.get().read_until
        beginning = read_until.replace(hour=0, minute=0, second=0, microsecond=0)
        BalanceTransaction.objects.update(occurred_at=beginning - timedelta(days=2, hours=5))

        services.count_balance()

        days = [(event.since, event.until) for event in counts()]
        assert days[0][0] == beginning - timedelta(days=3)
        assert [until for _, until in days[:-1]] == [since for since, _ in days[1:]]
        assert all(since.astimezone(UTC).time() == datetime.min.time() for since, _ in days)
        assert days[-1][1] == (read_until - recording.OVERLAP).replace(microsecond=0)

    def test_today_is_counted_again_and_days_that_are_over_only_if_asked(self, paid):
        paid()
        services.count_balance()
        today = counts()[-1].since

        assert services.count_balance() == 1
        assert counts()[-1].since == today

        call_command("count_balance", days=3)
        assert [event.since for event in counts()[-4:]] == [
            today - timedelta(days=days) for days in (3, 2, 1, 0)
        ]

    def test_killed_between_two_days_it_goes_on_with_the_second(self, paid, monkeypatch):
        paid()
        until = Watermark.objects.get().read_until - timedelta(days=2)
        Watermark.objects.update(counted_until=until)
        told, published = [], counting.outbox.publish

        def dies_at_the_second(event):
            if told:
                raise KeyboardInterrupt
            told.append(event)
            published(event)

        monkeypatch.setattr(counting.outbox, "publish", dies_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            services.count_balance()
        monkeypatch.setattr(counting.outbox, "publish", published)
        assert Watermark.objects.get().counted_until == told[0].until

        services.count_balance()

        sinces = [event.since for event in counts()]
        assert sinces == sorted(set(sinces))
        assert len(sinces) == 3

    def test_nothing_is_counted_before_anything_was_read(self):
        Watermark.objects.all().delete()

        assert services.count_balance() == 0

    def test_beat_does_it(self):
        scheduled = {entry["task"] for entry in current_app.conf.beat_schedule.values()}

        assert "payment_project.balance.tasks.count_balance" in scheduled


def counts():
    return [event for event in published() if isinstance(event, BalanceCounted)]


def counted():
    """Count from the first day on, and return the sums of all days."""
    OutboxEvent.objects.all().delete()
    Watermark.objects.update(counted_until=None)
    services.count_balance()
    sums = Counter()
    for event in counts():
        for one in event.currencies:
            for name in ("transactions", "amount", "fee", "net", "checksum"):
                sums[one.currency, name] += getattr(one, name)
    return sums


def _dies(**_):
    raise KeyboardInterrupt
