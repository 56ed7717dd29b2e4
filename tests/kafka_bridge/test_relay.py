import itertools
import statistics
import threading
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.utils import timezone

from devstack.waiting import wait_until
from kafka_bridge import relay as relay_module
from kafka_bridge.broker import MAX_RECORD_BYTES, BrokerProducer
from kafka_bridge.contracts.base import new_event_id
from kafka_bridge.errors import EventTooLarge
from kafka_bridge.models import OutboxEvent
from kafka_bridge.outbox import SHARDS, OutboxRecord, publish, publish_records
from kafka_bridge.relay import Relay
from tests.kafka_bridge.connections import elsewhere
from tests.kafka_bridge.mock_cluster import PRODUCE, MockCluster
from tests.kafka_bridge.noted import empty_queues
from tests.kafka_bridge.plans import explain, pages_read, rows_read
from tests.kafka_bridge.topics import event_class_of, first_occurrences, new_topic, read_topic

MSG_SIZE_TOO_LARGE = 10
NOT_LEADER_FOR_PARTITION = 6
NOT_ENOUGH_REPLICAS = 19
TOPIC_AUTHORIZATION_FAILED = 29


@pytest.fixture
def topic():
    return new_topic()


@pytest.fixture(autouse=True)
def soon_stopped(monkeypatch):
    """An idle relay looks at its stop flag once a poll."""
    monkeypatch.setattr(relay_module, "POLL_INTERVAL", 0.2)


@contextmanager
def relays_running(count=1):
    """Run relays as their command does, and see that none ends before it is told to."""
    stop = threading.Event()
    with elsewhere(count) as others:
        running = [others.run(Relay(stop=stop).run) for _ in range(count)]
        try:
            yield running
            assert not any(relay.done() for relay in running)
        finally:
            stop.set()
            for relay in running:
                relay.result()


def relay_once():
    return Relay(stop=threading.Event()).relay_batch()


def publish_on(topic, *numbers, key="c1"):
    """Publish events with these numbers in one transaction, and return them."""
    event_class = event_class_of(topic)
    events = [event_class(customer_id=key, number=number) for number in numbers]
    with transaction.atomic():
        publish(*events)
    return events


def outbox_record(topic, *, value=b"", key="c1", headers=None):
    event_id = new_event_id()
    return OutboxRecord(event_id, topic, key, value, headers or {}, event_id)


def unpublished():
    return OutboxEvent.objects.filter(published_at=None).count()


def wait_until_published(seconds=30):
    wait_until(lambda: unpublished() == 0, what="the outbox to be relayed", seconds=seconds)


class TestRelayBatch:
    def test_record_is_the_event_byte_for_byte(self, topic):
        (event,) = publish_on(topic, 1, key="cus é")

        assert relay_once() == 1

        (message,) = read_topic(topic, count=1)
        assert message.value() == event.to_json()
        assert message.key() == "cus é".encode()
        headers = {name: value.decode() for name, value in message.headers()}
        assert headers["ce_id"] == str(event.event_id)
        assert headers["ce_type"] == topic
        assert headers["ce_source"] == "tests"
        assert headers["ce_specversion"] == "1.0"
        assert headers["ce_time"] == event.timestamp.isoformat()
        assert headers["traceparent"].startswith("00-")
        assert unpublished() == 0

    @pytest.mark.parametrize(
        "value", [b"", b"\x00\xff\xfe", b"{}\n", "é\u2028😀".encode(), bytes(range(256)) * 4]
    )
    def test_any_bytes_arrive_as_they_are(self, topic, value):
        headers = {"": "", "é": "😀", "quote": "\"'\\", "lines": "a\nb"}
        with transaction.atomic():
            publish_records([outbox_record(topic, value=value, headers=headers)])

        relay_once()

        (message,) = read_topic(topic, count=1)
        assert (message.value() or b"") == value
        assert {name: text.decode() for name, text in message.headers()} == headers

    def test_largest_records_that_are_published_are_delivered(self, topic):
        published = 0
        for size in range(MAX_RECORD_BYTES - 400, MAX_RECORD_BYTES + 1, 20):
            headers = {f"name{number}": "x" for number in range(size % 7)}
            try:
                with transaction.atomic():
                    publish_records([outbox_record(topic, value=b"x" * size, headers=headers)])
            except EventTooLarge:
                continue
            published += 1

        assert published > 2
        assert relay_once() == published

    def test_published_rows_are_left_alone(self, topic):
        publish_on(topic, 1)
        relay_once()

        assert relay_once() == 0
        assert len(read_topic(topic, count=1)) == 1

    def test_uncommitted_event_does_not_leave(self, topic):
        with elsewhere() as others:
            with transaction.atomic():
                publish(event_class_of(topic)(customer_id="c1"))
                assert others.run(relay_once).result() == 0
            assert others.run(relay_once).result() == 1

    def test_row_with_a_smaller_id_that_commits_later_is_not_lost(self, topic):
        with elsewhere() as others:
            with transaction.atomic():
                publish(event_class_of(topic)(customer_id="early", number=1))
                others.run(lambda: publish_on(topic, 2, key="late")).result()
                assert others.run(relay_once).result() == 1
            assert others.run(relay_once).result() == 1
        read_topic(topic, count=2)


class TestMockCluster:
    """Against a cluster that fails on demand: what is not acknowledged is not marked."""

    @pytest.fixture
    def cluster(self, settings):
        cluster = MockCluster()
        settings.KAFKA_BOOTSTRAP_SERVERS = cluster.bootstrap_servers
        settings.KAFKA_PRODUCER_SETTINGS = {}  # idempotence too, as in production
        cluster.create_topic("tests.mock")
        yield cluster
        cluster.close()

    @pytest.fixture(autouse=True)
    def short_delivery_timeout(self, monkeypatch):
        monkeypatch.setattr(relay_module, "DELIVERY_TIMEOUT", 0.5)

    def test_broker_down_marks_nothing_and_all_arrive_once_it_is_back(self, cluster):
        events = publish_on("tests.mock", *range(50))
        relay = Relay(stop=threading.Event())
        cluster.go_down()
        assert relay.relay_batch() == 0
        assert unpublished() == 50
        cluster.come_up()

        with relays_running():
            wait_until_published()

        messages = read_topic("tests.mock", count=50)
        assert first_occurrences(messages) == [event.to_json() for event in events]

    @pytest.mark.parametrize("error", [MSG_SIZE_TOO_LARGE, TOPIC_AUTHORIZATION_FAILED])
    def test_refused_record_is_not_marked(self, cluster, error):
        publish_on("tests.mock", 1)
        cluster.fail(PRODUCE, error)

        assert relay_once() == 0
        assert unpublished() == 1
        with relays_running():
            wait_until_published()

    def test_passing_trouble_is_waited_out(self, cluster):
        events = publish_on("tests.mock", *range(20))
        cluster.fail(PRODUCE, NOT_ENOUGH_REPLICAS, NOT_LEADER_FOR_PARTITION)

        with relays_running():
            wait_until_published()

        messages = read_topic("tests.mock", count=20)
        assert first_occurrences(messages) == [event.to_json() for event in events]

    def test_nobody_listens(self, settings):
        settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
        publish_on("tests.mock", 1)

        assert relay_once() == 0
        assert unpublished() == 1


class TestWaking:
    def test_idle_relay_is_woken_by_a_publish(self, topic, monkeypatch):
        monkeypatch.setattr(relay_module, "POLL_INTERVAL", 2.0)
        with relays_running():
            for number in range(30):
                publish_on(topic, number)
                wait_until(lambda: unpublished() == 0, what="the event to leave", every=0.005)

        rows = OutboxEvent.objects.order_by("id")[5:]  # the first find the topic's leaders
        waits = [(row.published_at - row.created_at).total_seconds() for row in rows]
        # From the insert to the mark, with the commit and the broker's acknowledgement in between.
        assert statistics.median(waits) < 0.020
        assert max(waits) < 1.0  # no poll would have been so soon each time

    def test_it_waits_for_nothing_while_there_is_more(self, topic, monkeypatch):
        monkeypatch.setattr(relay_module, "POLL_INTERVAL", 20.0)
        monkeypatch.setattr(relay_module, "BATCH", 10)
        publish_on(topic, *range(35))
        with relays_running():
            wait_until_published(seconds=10)
            publish_on(topic, 35)  # so that it sees soon that it is to end

    def test_what_is_committed_during_a_batch_leaves_at_once(self, topic, monkeypatch):
        monkeypatch.setattr(relay_module, "POLL_INTERVAL", 20.0)
        produce, during = BrokerProducer.produce, threading.Event()

        def produce_and_publish(producer, records, *, timeout):
            if not during.is_set():
                during.set()
                with elsewhere() as others:
                    others.run(lambda: publish_on(topic, 2, key="c2")).result()
            return produce(producer, records, timeout=timeout)

        monkeypatch.setattr(BrokerProducer, "produce", produce_and_publish)
        with relays_running():
            publish_on(topic, 1)
            wait_until(during.is_set, what="a batch")
            wait_until_published(seconds=10)
            publish_on(topic, 3)  # so that it sees soon that it is to end

    def test_notification_that_was_lost_is_made_up_for(self, topic):
        with relays_running():
            publish_on(topic, 1)
            wait_until_published()
            OutboxEvent.objects.update(published_at=None)  # which notifies nobody
            wait_until_published(seconds=10)


class TestOrder:
    @pytest.mark.parametrize("count", [1_500, pytest.param(6_000, marks=pytest.mark.large)])
    def test_four_relays_and_four_writers_on_one_key(self, count):
        topic = new_topic()
        event_class = event_class_of(topic)

        def write(writer):
            numbers = iter(range(writer, count, 4))
            while batch := list(itertools.islice(numbers, 3)):
                with transaction.atomic():
                    publish(*[event_class(customer_id="c1", number=n) for n in batch])

        with relays_running(4), elsewhere(4) as others:
            for writing in [others.run(lambda writer=writer: write(writer)) for writer in range(4)]:
                writing.result()
            wait_until_published(seconds=60)

        values = OutboxEvent.objects.order_by("id").values_list("value", flat=True)
        assert first_occurrences(read_topic(topic, count=count)) == [bytes(v) for v in values]

    def test_relays_share_the_keys_and_keep_the_order_of_each(self, topic):
        event_class = event_class_of(topic)
        with relays_running(3):
            for number in range(60):
                with transaction.atomic():
                    publish(
                        *[event_class(customer_id=f"c{key}", number=number) for key in range(20)]
                    )
            wait_until_published()

        seen = {}
        for value in first_occurrences(read_topic(topic, count=1200)):
            event = event_class.model_validate_json(value)
            seen.setdefault(event.customer_id, []).append(event.number)
        assert seen == {f"c{key}": list(range(60)) for key in range(20)}

    def test_relay_that_died_in_the_midst_leaves_its_keys_to_another(self, topic):
        publish_on(topic, *range(10))

        with elsewhere() as others, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(relay_module._LOCK_SHARDS, [list(range(SHARDS)), 0x0B0A])
            assert others.run(relay_once).result() == 0  # while it lives
        assert relay_once() == 10


class TestCost:
    @pytest.mark.parametrize(
        "published", [0, 30_000, pytest.param(1_000_000, marks=pytest.mark.large)]
    )
    def test_empty_poll_reads_nothing_however_much_was_published(self, published):
        fill_outbox(published)

        plan = plan_of_a_look()

        assert rows_read(plan) == 0
        assert pages_read(plan) < 10

    def test_poll_reads_the_unpublished_rows_alone(self, topic):
        fill_outbox(30_000)
        publish_on(topic, *range(10))

        plan = plan_of_a_look()

        assert rows_read(plan) == 10
        assert pages_read(plan) < 30

    def test_rows_that_just_left_are_passed_over_once(self, topic):
        fill_outbox(2_000)
        with connection.cursor() as cursor:  # as on a new system
            cursor.execute(
                "DELETE FROM pg_statistic WHERE starelid = 'kafka_bridge_outboxevent'::regclass"
            )
        OutboxEvent.objects.update(published_at=None)
        OutboxEvent.objects.update(published_at=timezone.now())  # no vacuum since

        # The look that marks them must come after all who may have seen them, autovacuum too.
        wait_until(lambda: pages_read(plan_of_a_look()) < 10, what="a look that reads few pages")

    def test_marks_are_set_by_id(self):
        fill_outbox(30_000)
        ids = list(OutboxEvent.objects.values_list("id", flat=True)[: relay_module.BATCH])

        assert rows_read(plan_of(relay_module._MARK, [ids])) == len(ids)


def plan_of_a_look():
    return plan_of(relay_module._SELECT, [list(range(SHARDS)), [], relay_module.BATCH])


def plan_of(statement, parameters):
    """Return the plan of one of a relay's statements as it executes them."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(relay_module._PLAIN_SCANS)
        return explain(statement, parameters)


def fill_outbox(published):
    empty_queues()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO kafka_bridge_outboxevent (event_id, topic, key, shard, value, headers,
                correlation_id, created_at, published_at)
            SELECT gen_random_uuid(), 'tests', 'c' || number, number %% 16, '', '{}',
                gen_random_uuid(), clock_timestamp(), clock_timestamp()
            FROM generate_series(1, %s) AS number;
            ANALYZE kafka_bridge_outboxevent
            """,
            [published],
        )


class TestTopicThatTakesNothing:
    """It holds up its own records only."""

    def test_other_topics_go_on(self, topic):
        for _ in range(3):
            publish_on(NO_TOPIC, *range(3))
            publish_on(topic, *range(3))

        with relays_running():
            wait_until(lambda: unpublished() == 9, what="the other topic's events")

        assert not OutboxEvent.objects.filter(topic=topic, published_at=None).exists()

    def test_more_of_its_records_than_a_batch_holds(self, topic):
        publish_on(NO_TOPIC, *range(relay_module.BATCH + 1))
        publish_on(topic, 1)

        with relays_running():
            wait_until(
                lambda: unpublished() == relay_module.BATCH + 1, what="the other topic's event"
            )

    def test_it_is_tried_again_later_each_time(self, topic, monkeypatch):
        monkeypatch.setattr(relay_module, "_FIRST_WAIT", 1000.0)
        publish_on(NO_TOPIC, 1)
        relay = Relay(stop=threading.Event())
        relay.relay_batch()
        OutboxEvent.objects.update(topic=topic)  # as if it were there now
        publish_on(NO_TOPIC, 2)

        assert relay.relay_batch() == 1
        assert relay.relay_batch() == 0
        assert relay._delays[NO_TOPIC].seconds == 1000.0


NO_TOPIC = "no such topic!"  # no broker takes the name
