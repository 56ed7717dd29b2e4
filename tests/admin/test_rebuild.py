import threading
import uuid
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admin_project.analytics import selectors as analytics
from admin_project.analytics.models import PaymentAggregate, PaymentFact
from admin_project.analytics.services import rebuild as rebuilding
from admin_project.analytics.services.rebuild import REBUILT, rebuild
from admin_project.event_log.models import LoggedEvent
from admin_project.ledger.models import Entry
from admin_project.ledger.selectors import balances
from admin_project.timeline.models import Ask
from kafka_bridge.broker import BrokerProducer, create_topics
from kafka_bridge.contracts import PaymentUpdateRequested, Topic
from kafka_bridge.handlers import handler_of
from kafka_bridge.inbox import waves
from kafka_bridge.records import OutgoingRecord
from tests.admin import histories
from tests.admin.conftest import answered, measured, recorded, requested, subscription_state


def take(events):
    for wave in waves(events):
        by_class = {}
        for event in wave:
            by_class.setdefault(type(event), []).append(event)
        for event_class, batch in by_class.items():
            handler_of(event_class).record(batch)


def one_of_each():
    """Events of each part that a rebuild makes."""
    payment_id = uuid.uuid4()
    return [
        requested(payment_id=payment_id),
        measured(payment_id),
        recorded(f"txn_{payment_id}", payment_id=payment_id),
        subscription_state(uuid.uuid4()),
    ]


SHOWN = {
    "asks": Ask.objects.count,
    "payments": PaymentFact.objects.count,
    "volume": lambda: analytics.payment_figures()["volume"].get("eur", 0) // 1999,
    "recurring": lambda: sum(one.amount for one in analytics.mrr()) // 1000,
    "ledger": lambda: sum(one.amount for one in balances() if one.account == "charges") // -1999,
}
"""Figures that go up by one with each `one_of_each`."""


def tables():
    found = {}
    with connection.cursor() as cursor:
        for table in REBUILT:
            cursor.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1")  # noqa: S608
            found[table] = cursor.fetchall()
    return found


@contextmanager
def undone():
    with transaction.atomic():
        point = transaction.savepoint()
        yield
        transaction.savepoint_rollback(point)


@st.composite
def told(draw):
    """A history and the same once more: shuffled, with repetitions, in batches."""
    history = draw(st.lists(histories.events, max_size=25, unique_by=lambda one: one.event_id))
    repeated = draw(st.lists(st.sampled_from(history), max_size=5)) if history else []
    again = draw(st.permutations([*history, *repeated]))
    cuts = draw(st.lists(st.integers(0, len(again)), max_size=4).map(sorted))
    return history, [again[a:b] for a, b in zip([0, *cuts], [*cuts, len(again)], strict=True)]


@pytest.mark.django_db
class TestAnyHistory:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(told())
    def test_order_repetitions_and_batches_make_no_difference(self, given_events):
        history, batches = given_events
        with undone():
            take(history)
            expected = tables()
        with undone():
            for batch in batches:
                take(batch)
            assert tables() == expected

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(told())
    def test_what_is_made_again_from_the_log_is_the_same_row_for_row(self, given_events):
        _, batches = given_events
        with undone():
            for batch in batches:
                take(batch)
            live = tables()

            assert set(rebuild().values()) == {0}
            assert tables() == live


@pytest.mark.django_db(transaction=True)
class TestRebuild:
    def test_rows_that_are_wrong_or_lost_come_right(self, capsys):
        take([measured(customer_id=f"c{number}") for number in range(3)])
        PaymentFact.objects.all()[0].delete()
        PaymentAggregate.objects.update(count=7)

        call_command("rebuild_analytics")

        assert "analytics_paymentfact: 1 rows differed" in capsys.readouterr().out
        assert PaymentFact.objects.count() == 3
        assert set(rebuild().values()) == {0}

    def test_asks_that_are_wrong_or_lost_come_right(self):
        ask, wrong, lost = (requested() for _ in range(3))
        refund = PaymentUpdateRequested(
            customer_id="c1", payment_id=uuid.uuid4(), payment_intent_id="pi_1", action="refund"
        )
        take([ask, wrong, refund, lost])
        take([answered(causation_id=one.event_id) for one in (wrong, lost)])
        Ask.objects.filter(event_id=lost.event_id).delete()
        Ask.objects.filter(event_id=wrong.event_id).update(answered_at=None)

        assert rebuild()["timeline_ask"] == 3

        open_asks = Ask.objects.filter(answered_at__isnull=True)
        assert set(open_asks.values_list("event_id", flat=True)) == {ask.event_id, refund.event_id}
        assert Ask.objects.count() == 4

    def test_who_reads_two_tables_meanwhile_reads_them_to_the_end(self):
        take([measured()])
        has_read, waiting, read_on = threading.Event(), threading.Event(), []

        def read():
            try:
                with transaction.atomic():
                    assert not Entry.objects.exists()
                    has_read.set()
                    assert waiting.wait(20)
                    read_on.append(PaymentFact.objects.count())
            finally:
                connection.close()

        reader = threading.Thread(target=read)
        reader.start()
        assert has_read.wait(20)

        def slept(_):
            waiting.set()
            reader.join(20)

        with patch.object(rebuilding.time, "sleep", slept):
            assert set(rebuild().values()) == {0}

        assert read_on == [1]

    def test_who_reads_for_ever_is_told_of(self, monkeypatch):
        monkeypatch.setattr(rebuilding, "_READERS_WITHIN", 0.1)
        take([measured()])
        before, has_read, done = tables(), threading.Event(), threading.Event()

        def read():
            try:
                with transaction.atomic():
                    assert not Entry.objects.exists()
                    has_read.set()
                    assert done.wait(20)
            finally:
                connection.close()

        reader = threading.Thread(target=read)
        reader.start()
        assert has_read.wait(20)
        try:
            with pytest.raises(CommandError, match="try again when no long query runs"):
                call_command("rebuild_analytics")
        finally:
            done.set()
            reader.join(20)

        assert tables() == before
        assert set(rebuild().values()) == {0}

    def test_tables_keep_their_constraints_indexes_and_triggers(self):
        before = self.definitions()
        rebuild()

        assert self.definitions() == before

    def definitions(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%(tables)s)"
                " UNION SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid::regclass::text = ANY(%(tables)s)"
                " UNION SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
                " WHERE tgrelid::regclass::text = ANY(%(tables)s) AND NOT tgisinternal"
                " UNION SELECT attname, attrelid::regclass::text"
                " || format_type(atttypid, atttypmod) || attnotnull"
                " || coalesce(pg_get_expr(adbin, adrelid), '')"
                " FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
                " WHERE attrelid::regclass::text = ANY(%(tables)s) AND attnum > 0 ORDER BY 1, 2",
                {"tables": list(REBUILT)},
            )
            return cursor.fetchall()

    def test_what_the_log_lacks_is_received_again_from_kafka(self, capsys):
        kept, lost = (measured(customer_id=f"c{uuid.uuid4()}") for _ in range(2))
        topic = Topic.PAYMENT_ANALYTICS.value
        create_topics([topic], partitions=2, replication=1, timeout=30)
        records = [
            OutgoingRecord(topic, one.customer_id, one.to_json(), {}) for one in (kept, lost, lost)
        ]
        BrokerProducer().produce(records, timeout=20)
        take([kept])

        call_command("rebuild_analytics", "--from-kafka")

        assert LoggedEvent.objects.filter(event_id__in=[kept.event_id, lost.event_id]).count() == 2
        assert PaymentFact.objects.filter(payment_id=lost.payment_id).count() == 1
        assert "rows differed" not in capsys.readouterr().out

    def test_no_wrong_figure_is_shown_while_events_come_in(self):
        sent, taken, seen, failed = [], [], [], []
        begun, stop = threading.Event(), threading.Event()

        def consume():
            events = one_of_each()
            sent.append(events)
            with transaction.atomic():
                take(events)
            taken.append(events)
            begun.set()

        def read():
            for name, figure in SHOWN.items():
                at_least = len(taken)
                shown = figure()
                seen.append((name, at_least, shown, len(sent)))

        def until_stopped(do):
            try:
                while not stop.is_set():
                    do()
            except Exception as error:  # noqa: BLE001 - told below
                failed.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=until_stopped, args=(do,)) for do in (consume, read)]
        for thread in threads:
            thread.start()
        assert begun.wait(20)
        try:
            for _ in range(3):
                assert set(rebuild().values()) == {0}
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)

        assert failed == []
        assert [one for one in seen if not one[1] <= one[2] <= one[3]] == []
        assert len({shown for _, _, shown, _ in seen}) > 3
        assert {name: figure() for name, figure in SHOWN.items()} == dict.fromkeys(
            SHOWN, len(taken)
        )
        assert LoggedEvent.objects.count() == sum(map(len, taken))
        assert set(rebuild().values()) == {0}
