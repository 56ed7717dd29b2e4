"""Where a consumer group is on its topics, seen from outside the group."""

import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from kafka_bridge.broker.clients import client_settings

# Enough for the broker to answer a fetch with the high watermark, and little else. What goes wrong
# is raised, so librdkafka need not tell of it too.
_LOOK_ONLY: Final = {
    "log_level": 0,
    "enable.auto.commit": False,
    "fetch.wait.max.ms": 10,
    "fetch.queue.backoff.ms": 10,
    "fetch.message.max.bytes": 1,
    "queued.min.messages": 1,
}
# The group's coordinator is being chosen: so it is when a group is new to a cluster.
_COORDINATOR_MOVES: Final = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)


class PartitionOffsets(NamedTuple):
    """A partition's end and how far the group is; None for what the broker did not tell."""

    topic: str
    partition: int
    end: int | None
    committed: int | None

    @property
    def lag(self) -> int | None:
        """How many offsets the group is behind."""
        return None if self.end is None else max(0, self.end - (self.committed or 0))


def group_offsets(
    *, group: str, topics: Iterable[str], timeout: float
) -> dict[tuple[str, int], PartitionOffsets]:
    """Look up the end and the group's committed offset of every partition of the topics.

    The end is the high watermark of a fetch, as the embedded broker's ListOffsets is wrong. The
    group is not joined, and nothing is committed.

    Raises:
        KafkaException: the broker cannot be reached.
    """
    consumer = Consumer(
        client_settings(_LOOK_ONLY) | {"group.id": group, "error_cb": lambda _error: None}
    )
    try:
        partitions = _partitions(consumer, topics, timeout=timeout)
        committed = {
            (found.topic, found.partition): found.offset if found.offset >= 0 else None
            for found in _committed(consumer, partitions, timeout=timeout)
        }
        ends = _ends(consumer, partitions, committed, timeout=timeout)
    finally:
        consumer.close()
    return {
        key: PartitionOffsets(*key, end=ends.get(key), committed=offset)
        for key, offset in committed.items()
    }


def _partitions(
    consumer: Consumer, topics: Iterable[str], *, timeout: float
) -> list[TopicPartition]:
    existing = consumer.list_topics(timeout=timeout).topics
    return [
        TopicPartition(topic, partition)
        for topic in sorted(set(topics) & set(existing))
        for partition in sorted(existing[topic].partitions)
    ]


def _committed(
    consumer: Consumer, partitions: list[TopicPartition], *, timeout: float
) -> list[TopicPartition]:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return consumer.committed(partitions, timeout=timeout)
        except KafkaException as error:
            if error.args[0].code() not in _COORDINATOR_MOVES or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _ends(
    consumer: Consumer,
    partitions: list[TopicPartition],
    committed: dict[tuple[str, int], int | None],
    *,
    timeout: float,
) -> dict[tuple[str, int], int]:
    """Fetch from where the group is until each partition's high watermark has come with it."""
    for partition in partitions:
        offset = committed[partition.topic, partition.partition]
        partition.offset = OFFSET_BEGINNING if offset is None else offset
    consumer.assign(partitions)
    ends: dict[tuple[str, int], int] = {}
    deadline = time.monotonic() + timeout
    while len(ends) < len(partitions) and time.monotonic() < deadline:
        consumer.poll(0.01)
        for partition in partitions:
            _, high = consumer.get_watermark_offsets(partition, cached=True)
            if high >= 0:
                ends[partition.topic, partition.partition] = high
    return ends
