"""The balance at Stripe: each movement recorded and told once, whoever reads it when."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from kafka_bridge.contracts import ACCOUNT, BalanceTransactionRecorded
from kafka_bridge.models import OutboxEvent
from payment_project.balance import services
from payment_project.balance.models import Watermark
from tests.payment.conftest import asked, published

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def since_now(at_stripe, settings):
    """What other tests did at the emulator is read already."""
    services.record_balance()
    OutboxEvent.objects.all().delete()


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
        monkeypatch.setattr(services.timezone, "now", lambda: later)
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
        monkeypatch.setattr(services, "_read", _dies)
        with pytest.raises(KeyboardInterrupt):
            services.record_balance()
        monkeypatch.undo()
        assert Watermark.objects.get().read_until == read_until

        services.record_balance()

        assert len(moved(payment.id)) == 1
        assert Watermark.objects.get().read_until > read_until

    def test_looking_back_less_far_than_the_last_time_leaves_nothing_out(self, paid, monkeypatch):
        payment, later = paid(), timezone.now() + timedelta(hours=5)
        monkeypatch.setattr(services.timezone, "now", lambda: later)

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


def _dies(**_):
    raise KeyboardInterrupt
