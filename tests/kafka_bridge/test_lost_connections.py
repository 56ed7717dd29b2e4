"""The database goes away at the worst moment: nobody ends, nothing is lost or done twice."""

import threading

import pytest
from django.db import OperationalError, connection, transaction

from devstack.waiting import wait_until
from kafka_bridge import inbox, lanes, relay
from kafka_bridge.database import Stopped, until_it_works
from kafka_bridge.models import InboxEvent, Lane, OutboxEvent
from kafka_bridge.outbox import publish
from kafka_bridge.relay import Relay
from kafka_bridge.settlement import read, settle
from kafka_bridge.testing import make_lanes_due
from tests.kafka_bridge.connections import elsewhere
from tests.kafka_bridge.cutting_proxy import connected_through_a_proxy
from tests.kafka_bridge.noted import noted, record_of, work_until_idle
from tests.kafka_bridge.topics import event_class_of, first_occurrences, new_topic, read_topic

CUT_ALL_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@pytest.fixture(autouse=True)
def soon_stopped(monkeypatch):
    """An idle relay looks at its stop flag once a poll."""
    monkeypatch.setattr(relay, "POLL_INTERVAL", 0.2)


def cut_all_others():
    with connection.cursor() as cursor:
        cursor.execute(CUT_ALL_OTHERS)
        return cursor.fetchone()[0]


def cut_again_and_again(*, until, times=15):
    """Cut every connection but this thread's, whenever there is one, until the work is done."""
    cuts = 0
    while cuts < times and not until():
        cuts += cut_all_others()
    return cuts


def keep_at_it(work):
    return until_it_works(work, stop=threading.Event())


class TestUntilItWorks:
    def test_it_waits_until_told_to_stop(self):
        stop = threading.Event()

        def work():
            stop.set()
            raise OperationalError("gone")

        with pytest.raises(Stopped):
            until_it_works(work, stop=stop)

    def test_cut_connection_is_replaced(self):
        def work():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                return cursor.fetchone()[0]

        with elsewhere(1) as others:
            first = others.run(lambda: (work(), self.cut_this(), keep_at_it(work)))
            before, _, after = first.result(timeout=30)

        assert before != after

    @staticmethod
    def cut_this():
        with pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize("happens", [True, False], ids=["committed", "not committed"])
class TestUnknownCommit:
    def test_of_a_batch_that_is_handled_at_once(self, ledger, happens):
        records = [record_of(noted(f"c{number % 3}", number)) for number in range(9)]
        with connected_through_a_proxy() as proxy:
            proxy.arm(happens=happens)
            keep_at_it(lambda: inbox.receive(records))
            assert proxy.cuts == 1

        assert ledger.by_key() == {f"c{key}": list(range(key, 9, 3)) for key in range(3)}

    def test_of_a_batch_for_the_workers(self, answering_ledger, happens):
        records = [record_of(noted(f"c{number % 3}", number)) for number in range(9)]
        with connected_through_a_proxy() as proxy:
            proxy.arm(happens=happens)
            keep_at_it(lambda: inbox.receive(records))
            assert proxy.cuts == 1

        assert InboxEvent.objects.count() == 9
        assert Lane.objects.count() == 3

    def test_of_a_claim(self, answering_ledger, happens):
        inbox.receive([record_of(noted(number=1))])
        with connected_through_a_proxy() as proxy:
            proxy.arm(happens=happens)
            claims = keep_at_it(lambda: lanes.claim(10))
            assert proxy.cuts == 1

        assert len(claims) == (0 if happens else 1)  # the lost claim's lease will run out
        make_lanes_due()
        work_until_idle()
        assert answering_ledger.numbers() == [1]

    def test_of_a_settlement(self, answering_ledger, happens):
        inbox.receive([record_of(noted(f"c{number % 3}", number)) for number in range(9)])
        with connected_through_a_proxy() as proxy:
            while outcomes := [read(claim) for claim in lanes.claim(10)]:
                proxy.arm(happens=happens)
                keep_at_it(lambda outcomes=outcomes: settle(outcomes))
            assert proxy.cuts == 3

        assert answering_ledger.by_key() == {f"c{key}": list(range(key, 9, 3)) for key in range(3)}

    def test_of_a_failure(self, answering_ledger, happens):
        inbox.receive([record_of(noted(number=1))])
        answering_ledger.refuse = lambda _event: ValueError("no")
        with connected_through_a_proxy() as proxy:
            outcomes = [read(claim) for claim in lanes.claim(10)]
            proxy.arm(happens=happens)
            keep_at_it(lambda: settle(outcomes))
            assert proxy.cuts == 1

        assert InboxEvent.objects.get().attempts == 1
        assert Lane.objects.get().lease is None

    def test_of_a_relayed_batch(self, happens):
        topic = new_topic()
        events = publish_on(topic, 10)
        with connected_through_a_proxy() as proxy:
            relay = Relay(stop=threading.Event())
            proxy.arm(happens=happens)
            keep_at_it(relay.relay_batch)
            assert proxy.cuts == 1

        assert not OutboxEvent.objects.filter(published_at=None).exists()
        messages = read_topic(topic, count=10)
        assert first_occurrences(messages) == [event.to_json() for event in events]
        assert len(messages) == (10 if happens else 20)


class TestCutConnections:
    def test_while_consumers_store(self, ledger):
        records = [record_of(noted(f"c{number % 10}", number)) for number in range(600)]

        def consume():
            for start in range(0, len(records), 20):
                keep_at_it(lambda start=start: inbox.receive(records[start : start + 20]))

        with elsewhere(2) as others:
            consumers = [others.run(consume) for _ in range(2)]
            cuts = cut_again_and_again(until=lambda: all(c.done() for c in consumers))
            for consumer in consumers:
                consumer.result(timeout=60)

        assert cuts > 2
        assert ledger.by_key() == {f"c{key}": list(range(key, 600, 10)) for key in range(10)}

    def test_while_lanes_are_worked(self, answering_ledger):
        inbox.receive([record_of(noted(f"c{number % 10}", number)) for number in range(200)])

        def work():
            while Lane.objects.exists():
                if not (claims := lanes.claim(3)):
                    make_lanes_due()  # as if the leases of lost claims had run out
                settle([read(claim) for claim in claims])

        with elsewhere(2) as others:
            workers = [others.run(lambda: keep_at_it(work)) for _ in range(2)]
            cuts = cut_again_and_again(until=lambda: all(w.done() for w in workers))
            for worker in workers:
                worker.result(timeout=60)

        assert cuts > 2
        assert answering_ledger.by_key() == {
            f"c{key}": list(range(key, 200, 10)) for key in range(10)
        }

    def test_while_relays_produce(self):
        topic, stop = new_topic(), threading.Event()
        events = []
        with elsewhere(2) as others:
            relays = [others.run(Relay(stop=stop).run) for _ in range(2)]
            try:
                for _ in range(8):
                    events += publish_on(topic, 50)
                    cut_all_others()
                wait_until(all_published, what="the outbox to be relayed", seconds=60)
                assert not any(relay.done() for relay in relays)
            finally:
                stop.set()
                for relay in relays:
                    relay.result()

        messages = read_topic(topic, count=len(events))
        assert first_occurrences(messages) == [event.to_json() for event in events]

    def test_while_a_relay_is_idle(self):
        topic, stop = new_topic(), threading.Event()
        with elsewhere(1) as others:
            relay = others.run(Relay(stop=stop).run)
            try:
                publish_on(topic, 1)
                wait_until(all_published, what="the first event to leave")
                cut_all_others()
                publish_on(topic, 1)
                wait_until(all_published, what="the second event to leave")
                assert not relay.done()
            finally:
                stop.set()
                relay.result()

    def test_while_a_relay_is_idle_without_a_word(self):
        topic, stop = new_topic(), threading.Event()

        def cut_and_publish():
            try:
                for _ in range(3):
                    publish_on(topic, 1)
                    wait_until(all_published, what="the event to leave")
                    proxy.cut()
                publish_on(topic, 1)
                wait_until(all_published, what="the last event to leave")
            finally:
                stop.set()

        with connected_through_a_proxy() as proxy, elsewhere(1) as others:
            done = others.run(cut_and_publish)
            Relay(stop=stop).run()
            done.result()


def publish_on(topic, count):
    events = [event_class_of(topic)(customer_id="c1", number=number) for number in range(count)]
    with transaction.atomic():
        publish(*events)
    return events


def all_published():
    return not OutboxEvent.objects.filter(published_at=None).exists()
