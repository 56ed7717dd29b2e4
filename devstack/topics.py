"""A plain Kafka client of the running stack: produces anything, reads topics from their start."""

import json
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)

from devstack.waiting import DeadlinePassedError, wait_until

_POLLS_WITHOUT_ANYTHING = 100
_QUIET = {"log_level": 0}


@dataclass(frozen=True, kw_only=True)
class TopicRecord:
    """A record as it lies on its topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]

    def json(self) -> Any:
        """Return the value, read as JSON."""
        return json.loads(self.value or b"null")


class Topics:
    """The topics of one cluster."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, **_QUIET})

    def produce(self, topic: str, value: Any, *, key: str | None = None) -> tuple[int, int]:
        """Produce a value, bytes as they are and the rest as JSON; return partition and offset.

        Raises:
            RuntimeError: the broker did not take it.
        """
        taken: list[Message] = []
        encoded = value if isinstance(value, bytes) else json.dumps(value).encode()
        self._producer.produce(
            topic,
            encoded,
            key,
            on_delivery=lambda error, record: None if error else taken.append(record),
        )
        self._producer.flush(30)
        if not taken:
            raise RuntimeError(f"{topic} did not take the record.")
        return taken[0].partition() or 0, taken[0].offset() or 0

    def records(self, topic: str) -> list[TopicRecord]:
        """Return all records of a topic, partition by partition.

        Raises:
            DeadlinePassedError: the broker does not give them.
        """
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap_servers,
                "group.id": "paybridge-tests",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                **_QUIET,
            }
        )
        try:
            return sorted(self._read(consumer, topic), key=lambda one: (one.partition, one.offset))
        finally:
            consumer.close()

    @staticmethod
    def _read(consumer: Consumer, topic: str) -> list[TopicRecord]:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        unread = set(partitions)
        found = []
        empty_polls = 0
        while unread:
            message = consumer.poll(0.1)
            if message is None:
                empty_polls += 1
                if empty_polls > _POLLS_WITHOUT_ANYTHING:
                    raise DeadlinePassedError(f"{topic}: no end of partitions {unread}")
                continue
            error = message.error()
            if error is None:
                found.append(_record(message))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
                unread.discard(message.partition())
        return found

    def matching(self, topic: str, **fields: Any) -> list[TopicRecord]:
        """Return the records whose JSON has these fields; others may be anything."""
        return [record for record in self.records(topic) if _has(record, fields)]

    def wait_for(self, topic: str, *, seconds: float = 30, **fields: Any) -> TopicRecord:
        """Wait for a record whose JSON has these fields, and return it.

        Raises:
            DeadlinePassedError: there is none.
        """

        found = wait_until(
            lambda: self.matching(topic, **fields), what=f"{fields} on {topic}", seconds=seconds
        )
        return found[0]


def _record(message: Any) -> TopicRecord:
    headers = {key: value.decode() for key, value in message.headers() or []}
    return TopicRecord(
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value(),
        headers=headers,
    )


def _has(record: TopicRecord, fields: dict[str, Any]) -> bool:
    try:
        value = record.json()
    except ValueError:
        return False
    if not isinstance(value, dict):
        return False
    return all(value.get(name) == wanted for name, wanted in fields.items())
