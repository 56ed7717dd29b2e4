"""Topics of a test's own, and what is on them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from django.conf import settings

from devstack.waiting import DeadlinePassedError, wait_until
from kafka_bridge import broker
from kafka_bridge.contracts import Topic
from kafka_bridge.testing import contract_of_topic
from tests.kafka_bridge.noted import Noted


def new_topic(*, partitions: int = 3) -> str:
    name = f"tests.{uuid4()}"
    broker.create_topics([name], partitions=partitions, replication=1, timeout=30)
    return name


def event_class_of(name: str) -> type[Noted]:
    """Noted, on another topic."""

    class NotedThere(Noted):
        topic: ClassVar = name

    return NotedThere


@contextmanager
def consumed_topic(name: str) -> Iterator[type[Noted]]:
    """Have the topic known as one of the system's, so that a consumer takes its records."""
    topic = str.__new__(Topic, name)
    topic._name_, topic._value_ = "OF_A_TEST", name
    Topic._value2member_map_[name] = topic
    event_class = event_class_of(topic)
    try:
        with contract_of_topic(event_class):
            yield event_class
    finally:
        del Topic._value2member_map_[name]


def read_topic(name: str, *, count: int, partitions: int = 3, seconds: float = 20) -> list[Message]:
    """Read a topic from its beginning until it has given `count` different values."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": f"reader-of-{name}",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
        }
    )
    consumer.assign(
        [TopicPartition(name, number, OFFSET_BEGINNING) for number in range(partitions)]
    )
    messages: list[Message] = []

    def all_there() -> bool:
        found = consumer.consume(1000, 0.1)
        assert all(message.error() is None for message in found)
        messages.extend(found)
        return len({message.value() for message in messages}) >= count

    def ends() -> list[int]:
        return [
            consumer.get_watermark_offsets(TopicPartition(name, number), timeout=5)[1]
            for number in range(partitions)
        ]

    try:
        wait_until(all_there, what=f"{count} records on {name}", seconds=seconds, every=0)
    except DeadlinePassedError as error:
        read = Counter(message.partition() for message in messages)
        raise AssertionError(f"{error} Read {dict(read)}; the partitions end at {ends()}") from None
    finally:
        consumer.close()
    return messages


def first_occurrences(messages: list[Message]) -> list[bytes]:
    """The values in the order in which they came first: what a consumer with an inbox sees."""
    return list(dict.fromkeys(message.value() for message in messages))
