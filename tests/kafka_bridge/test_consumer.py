"""The consumer on a broker: as a thread, and as processes that are killed."""

import os
import random
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import confluent_kafka
import pytest
from django.conf import settings
from django.db import connection, transaction

from devstack.waiting import DeadlinePassedError, wait_until
from kafka_bridge import consumer
from kafka_bridge.broker import BrokerConsumer, BrokerProducer, group_offsets
from kafka_bridge.broker.consumer import JOINS_WITHIN
from kafka_bridge.consumer import EventConsumer
from kafka_bridge.handlers import handles, handles_answers
from kafka_bridge.models import InboxEvent, OutboxEvent
from kafka_bridge.records import OutgoingRecord
from tests.kafka_bridge.connections import elsewhere, wait_until_blocked
from tests.kafka_bridge.noted import value_with, work_until_idle
from tests.kafka_bridge.topics import consumed_topic, new_topic, read_topic

ROOT = Path(__file__).parent.parent.parent
PARTITIONS = 4

pytestmark = pytest.mark.usefixtures("registry")


class Stream:
    """A topic, the consumer group of the test's service, and what is produced for it."""

    def __init__(self, topic, event_class, service):
        self.topic = topic
        self.event_class = event_class
        self.service = service
        self._producer = BrokerProducer()

    def events(self, *numbers, keys=1):
        return [self.event_class(customer_id=f"c{n % keys}", number=n) for n in numbers]

    def produce(self, *values):
        """Produce events, or the values of records with the key c0."""
        records = [
            OutgoingRecord(self.topic, "c0", value or b"", {})
            if isinstance(value, bytes | None)
            else OutgoingRecord(self.topic, value.customer_id, value.to_json(), {})
            for value in values
        ]
        assert len(self._producer.produce(records, timeout=30).acknowledged) == len(records)

    def committed(self):
        group = f"{self.service}-service"
        offsets = group_offsets(group=group, topics=[self.topic], timeout=10).values()
        return {found.partition: found.committed for found in offsets if found.committed}


@pytest.fixture
def stream(settings):
    settings.SERVICE_NAME = f"tests-{uuid4()}"
    topic = new_topic(partitions=PARTITIONS)
    with consumed_topic(topic) as event_class:
        yield Stream(topic, event_class, settings.SERVICE_NAME)


@contextmanager
def consumer_running():
    stop = threading.Event()
    with elsewhere(1) as others:
        started = EventConsumer(stop=stop)
        running = others.run(started.run)
        try:
            yield started
            assert not running.done()
        finally:
            stop.set()
            running.result()


class TestOneConsumer:
    def test_records_are_stored_then_committed(self, ledger, stream):
        handles(stream.event_class)(ledger.record_events)
        stream.produce(*stream.events(0, 1, 2))
        bad = [b"\xff", None, value_with(amount=10.5), value_with(version="2.0"), b"[" * 2000]

        with consumer_running():
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK kafka_bridge_inboxevent IN ACCESS EXCLUSIVE MODE")
                wait_until_blocked()
                assert stream.committed() == {}
            wait_until(lambda: ledger.numbers("c0") == [0, 1, 2], what="the events")
            stream.produce(*bad, *stream.events(3))
            wait_until(lambda: ledger.numbers("c0") == [0, 1, 2, 3], what="what follows the bad")
            wait_until(lambda: sum(stream.committed().values()) == 9, what="the commit")

        assert InboxEvent.objects.exclude(dead_at=None).count() == len(bad)
        assert OutboxEvent.objects.filter(topic=f"{stream.topic}.dlq").count() == len(bad)

    @pytest.mark.skipif(
        not hasattr(settings, "CELERY_BROKER_URL"),
        reason="a backlog is for Celery's workers; the payment service's run has this test",
    )
    def test_it_leaves_records_with_the_broker_while_too_much_is_pending(
        self, answering_ledger, stream, settings, monkeypatch
    ):
        settings.KAFKA_BRIDGE_PENDING_LIMIT = 5
        monkeypatch.setattr(consumer, "_BACKLOG_CHECK_INTERVAL", 0.1)
        handles_answers(stream.event_class, call=answering_ledger.answer)(
            answering_ledger.record_answers
        )
        stream.produce(*stream.events(*range(10)))

        with consumer_running() as running:
            wait_until(lambda: InboxEvent.objects.count() == 10, what="the first events")
            wait_until(lambda: running._broker.paused, what="the consumer to pause")
            stream.produce(*stream.events(10, 11))
            with pytest.raises(DeadlinePassedError):
                wait_until(lambda: InboxEvent.objects.count() > 10, what="no event", seconds=1)
            work_until_idle()
            wait_until(lambda: InboxEvent.objects.count() == 12, what="the rest")
            work_until_idle()

        assert answering_ledger.numbers("c0") == list(range(12))


class TestGroup:
    @pytest.mark.parametrize(
        ("count", "kills"),
        [
            (2_000, 1),
            pytest.param(45_000, 8, marks=[pytest.mark.large, pytest.mark.timeout(900)]),
        ],
    )
    def test_killed_members_lose_and_repeat_nothing(self, ledger, stream, count, kills):
        chooser = random.Random(count)
        events = stream.events(*range(count), keys=40)
        members = [start_member(stream) for _ in range(2)]
        try:
            part = count // (kills + 1)
            for number in range(kills + 1):
                stream.produce(*with_repetitions(events[number * part :][:part], chooser))
                wanted = number * part + part // 3
                wait_until(lambda wanted=wanted: effects(ledger) >= wanted, what="some effects")
                if number < kills:
                    kill(members.pop(0))
                    members.append(start_member(stream))
            wait_until(lambda: effects(ledger) == count, what="all effects", seconds=120)
        finally:
            for member in members:
                member.terminate()
            codes = [member.wait(timeout=30) for member in members]

        assert codes == [0, 0]
        assert ledger.by_key() == {f"c{key}": list(range(key, count, 40)) for key in range(40)}
        stored = {str(value) for value in InboxEvent.objects.values_list("event_id", flat=True)}
        committed = stream.committed()
        for message in read_topic(stream.topic, count=count, partitions=PARTITIONS):
            if message.offset() < committed.get(message.partition(), 0):
                assert event_id_of(message) in stored


class Member(BrokerConsumer):
    """A member of a group that counts how often its partitions changed."""

    def __init__(self, stream):
        self.changes = 0
        super().__init__(group=stream.service, topics=[stream.topic])

    def partitions(self):
        assert self.poll(limit=1, timeout=0.1) == []
        return len(self._consumer.assignment())

    def _on_assign(self, consumer, partitions):
        self.changes += bool(partitions)
        super()._on_assign(consumer, partitions)

    def _on_revoke(self, consumer, partitions):
        self.changes += bool(partitions)
        super()._on_revoke(consumer, partitions)


class TestOutsideItsGroup:
    def test_a_client_that_never_joins_is_replaced(self, stream, settings):
        right = settings.KAFKA_BOOTSTRAP_SERVERS
        settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:9"  # nobody is there
        member = Member(stream)
        try:
            lost = member._consumer
            settings.KAFKA_BOOTSTRAP_SERVERS = right
            assert member.partitions() == 0
            assert member._consumer is lost

            member._outside_since -= JOINS_WITHIN

            wait_until(lambda: member.partitions() == PARTITIONS, what="partitions", seconds=30)

            assert member._consumer is not lost
        finally:
            member.close()

    def test_a_member_for_which_no_partition_is_left_is_in_it(self, settings):
        topic = new_topic(partitions=1)
        with consumed_topic(topic) as event_class:
            stream = Stream(topic, event_class, f"tests-{uuid4()}")
            members = [Member(stream)]
            try:
                wait_until(lambda: members[0].partitions() == 1, what="a partition", seconds=30)
                members.append(Member(stream))

                def all_in():
                    shares = sorted(member.partitions() for member in members)
                    return shares == [0, 1] and not any(m._outside_since for m in members)

                wait_until(all_in, what="both to be in the group", seconds=30)
            finally:
                for member in members:
                    member.close()


class TestStaticMember:
    @pytest.mark.large
    def test_its_restart_moves_no_partitions(self, stream, settings):
        def member(name):
            settings.KAFKA_CONSUMER_SETTINGS = {
                **common,
                "group.instance.id": f"{name}-{stream.service}",
            }
            return Member(stream)

        common = settings.KAFKA_CONSUMER_SETTINGS
        half = [PARTITIONS // 2] * 2
        members = [member("a"), member("b")]
        try:
            wait_until(lambda: [m.partitions() for m in members] == half, what="both to share")
            before = members[1].changes
            members[0].close()
            members[0] = member("a")
            wait_until(lambda: [m.partitions() for m in members] == half, what="a to be back")

            assert members[1].changes == before
        finally:
            for one in members:
                one.close()


def start_member(stream):
    database = connection.settings_dict
    user = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
    url = f"postgresql://{user}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    module = "tests.kafka_bridge.consumer_process"
    return subprocess.Popen(
        [sys.executable, "-m", module, stream.topic, stream.service],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
    )


def kill(member):
    member.kill()
    member.wait(timeout=30)


def with_repetitions(events, chooser):
    """Each event, and some of them again later: what an at-least-once producer brings."""
    for number, event in enumerate(events):
        yield event
        if chooser.random() < 0.1:
            yield events[chooser.randint(max(0, number - 50), number)]


def event_id_of(message):
    return message.value().decode().partition('"eventId":"')[2].partition('"')[0]


def effects(ledger):
    return sum(len(numbers) for numbers in ledger.by_key().values())


def test_partition_that_was_lost_while_it_was_paused_is_read_again(settings):
    settings.KAFKA_CONSUMER_SETTINGS = settings.KAFKA_CONSUMER_SETTINGS | {
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
    }
    topic = new_topic(partitions=2)
    group = f"tests-{uuid4()}"
    stays = BrokerConsumer(group=group, topics=[topic])
    assigned = lambda one: len(one._consumer.assignment())  # noqa: E731

    def polled(count, *consumers):
        def reached():
            for one in consumers:
                one.poll(limit=1, timeout=0.1)
            return assigned(stays) == count

        wait_until(reached, what=f"{count} partitions", seconds=60)

    try:
        polled(2, stays)
        stays.pause()
        comes = BrokerConsumer(group=group, topics=[topic])
        polled(1, stays, comes)
        stays.resume()
        comes.close()
        polled(2, stays)

        producer = confluent_kafka.Producer({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
        for partition in range(2):
            producer.produce(topic, value=b"{}", partition=partition)
        assert producer.flush(20) == 0

        read = set()

        def read_all():
            read.update(record.partition for record in stays.poll(limit=10, timeout=0.1))
            return read == {0, 1}

        wait_until(read_all, what="a record of each partition", seconds=20)
    finally:
        stays.close()
