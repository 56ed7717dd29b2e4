import json
from dataclasses import replace
from io import StringIO

import pytest
from confluent_kafka import Consumer, TopicPartition
from django.conf import settings
from django.core.management import call_command

from kafka_bridge import inbox
from kafka_bridge.broker import BrokerProducer
from kafka_bridge.handlers import handles
from kafka_bridge.lag import partition_lags
from kafka_bridge.management.commands.lag import _COLUMNS
from kafka_bridge.records import OutgoingRecord
from tests.kafka_bridge.noted import Ledger, record_of, work_until_idle
from tests.kafka_bridge.topics import consumed_topic, new_topic


class NotNow(Exception):
    """A handler's own trouble."""


@pytest.fixture
def ledger_of_topic(registry):
    """An event class on a topic of its own, of three partitions, and what handles it."""
    with consumed_topic(new_topic(partitions=3)) as event_class:
        ledger = Ledger()
        handles(event_class)(ledger.record_events)
        yield event_class, ledger


@pytest.fixture
def topic(ledger_of_topic):
    return ledger_of_topic[0].topic


def produce(topic: str, *, count: int) -> None:
    records = [OutgoingRecord(topic, f"c{number}", b"x" * 900, {}) for number in range(count)]
    BrokerProducer().produce(records, timeout=20)


def commit(topic: str, partition: int, offset: int) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": f"{settings.SERVICE_NAME}-service",
        }
    )
    consumer.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
    consumer.close()


def lags(topic):
    found, problem = partition_lags(timeout=20)
    assert problem == ""
    return [partition for partition in found if partition.topic == topic]


def test_empty_topic(topic):
    assert [(lag.end, lag.committed, lag.lag) for lag in lags(topic)] == [(0, None, 0)] * 3


def test_lag_is_from_the_committed_offset_to_the_end(topic):
    produce(topic, count=300)
    ends = [lag.end for lag in lags(topic)]
    assert sum(ends) == 300
    commit(topic, 1, ends[1] - 7)
    commit(topic, 2, ends[2])

    found = lags(topic)

    assert [lag.end for lag in found] == ends
    assert [lag.committed for lag in found] == [None, ends[1] - 7, ends[2]]
    assert [lag.lag for lag in found] == [ends[0], 7, 0]


def test_pending_parked_and_dead_events_stand_with_their_partition(topic, ledger_of_topic):
    event_class, ledger = ledger_of_topic
    ledger.refuse = lambda event: NotNow() if event.number == 1 else None
    parked = event_class(customer_id="c1", number=1)
    behind = event_class(customer_id="c1", number=2)
    inbox.receive([record_of(parked, partition=1), record_of(behind, partition=2)])
    inbox.receive([replace(record_of(parked, partition=0), value=b"no JSON")])
    work_until_idle()

    found = lags(topic)

    assert [(lag.pending, lag.parked, lag.dead) for lag in found] == [
        (0, 0, 1),
        (1, 1, 0),
        (1, 1, 0),
    ]


class TestCommand:
    def run(self, *arguments):
        out, err = StringIO(), StringIO()
        call_command("lag", *arguments, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    def test_table(self, topic):
        commit(topic, 2, 0)

        lines = [line.split() for line in self.run()[0].splitlines()]

        assert lines[0] == _COLUMNS
        assert [topic, "0", "0", "none", "0", "0", "0", "0"] in lines
        assert [topic, "2", "0", "0", "0", "0", "0", "0"] in lines
        assert lines[-1][:3] == ["outbox:", "0", "unpublished,"]

    def test_json(self, topic):
        facts = json.loads(self.run("--json")[0])

        assert facts["problem"] is None
        assert facts["outbox"] == {"unpublished": 0, "oldest_seconds": 0.0}
        assert {partition["topic"] for partition in facts["partitions"]} == {topic}
        assert facts["partitions"][0]["committed"] is None

    def test_broker_is_away(self, topic, ledger_of_topic, settings):
        event_class, _ = ledger_of_topic
        inbox.receive([replace(record_of(event_class(customer_id="c1")), value=b"no JSON")])
        settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"

        out, err = self.run("--timeout", "0.2")

        row = [topic, "0", "unknown", "unknown", "unknown", "0", "0", "1"]
        assert row in [line.split() for line in out.splitlines()]
        assert "127.0.0.1:1" in err
        assert "unknown" in err
