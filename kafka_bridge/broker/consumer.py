"""Consuming: batches of records, as a member of a consumer group."""

import threading
import time
from collections.abc import Iterable
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from django.conf import settings

from kafka_bridge.broker.clients import client_settings, log_client_error
from kafka_bridge.broker.clock import end_when_put_back
from kafka_bridge.records import Record

logger = structlog.get_logger(__name__)

_CONSUMER_SETTINGS: Final = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 2_000,
    "fetch.queue.backoff.ms": 10,
}
JOINS_WITHIN: Final = 60.0
"""Seconds that a client may be outside its group: some times a session's timeout."""
_LONGEST_WAIT: Final = 120.0

# The records come again, to this consumer or another: nothing to die of (docs/decisions/0003).
_LOST_PARTITION: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._NO_OFFSET,  # noqa: SLF001 - librdkafka's local errors have underscores
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
        KafkaError._STATE,  # noqa: SLF001
    }
)


class BrokerConsumer:
    """Reads batches of records as a member of a consumer group.

    A client that stays outside its group is replaced: librdkafka 2.16.0 may never join again when
    its connections break while it loses its partitions. If the clock is put back, the process ends.
    """

    def __init__(self, *, group: str, topics: Iterable[str]) -> None:
        self._group = group
        self._topics = list(topics)
        self.paused = False
        self._joins_within = JOINS_WITHIN
        end_when_put_back()
        self._start()

    def _start(self) -> None:
        self._outside_since: float | None = time.monotonic()
        self._consumer = Consumer(
            client_settings(_CONSUMER_SETTINGS, settings.KAFKA_CONSUMER_SETTINGS)
            | {"group.id": self._group, "error_cb": log_client_error, "on_commit": self._on_commit}
        )
        self._consumer.subscribe(self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke)

    def poll(self, *, limit: int, timeout: float, linger: float = 0.0) -> list[Record]:
        """Wait up to `timeout` seconds for a record, then `linger` for others to take with it."""
        first = self._consumer.poll(timeout)
        if first is None:
            self._be_in_the_group()
            return []
        return [
            record_of(message)
            for message in [first, *self._consumer.consume(limit - 1, linger)]
            if _is_record(message)
        ]

    def commit(self, records: Iterable[Record]) -> None:
        """Commit the offsets after these records, without waiting for the broker."""
        next_offsets: dict[tuple[str, int], int] = {}
        for record in records:
            next_offsets[record.topic, record.partition] = record.offset + 1
        offsets = [TopicPartition(t, p, offset) for (t, p), offset in next_offsets.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            if error.args[0].code() not in _LOST_PARTITION:
                raise
            logger.info("offsets_not_committed", reason=str(error))

    def pause(self) -> None:
        """Stop fetching, and stay a member: polls return nothing until `resume`."""
        self.paused = True
        self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        """Fetch again."""
        self.paused = False
        self._consumer.resume(self._consumer.assignment())

    def close(self) -> None:
        """Leave the group, so that others take the partitions at once."""
        self._consumer.close()

    def _be_in_the_group(self) -> None:
        if self._outside_since is None:
            return
        outside = time.monotonic() - self._outside_since
        if outside < self._joins_within:
            return
        logger.error("outside_consumer_group", group=self._group, seconds=round(outside))
        self._joins_within = min(2 * self._joins_within, _LONGEST_WAIT)  # the broker may be away
        lost = self._consumer
        self._start()
        # It may not even end.
        threading.Thread(target=lost.close, name="close", daemon=True).start()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if consumer is self._consumer:
            self._outside_since, self._joins_within = None, JOINS_WITHIN
        consumer.incremental_assign(partitions)
        # A partition that was lost while it was paused comes back paused.
        (consumer.pause if self.paused else consumer.resume)(partitions)
        logger.info("partitions_assigned", partitions=_names(partitions))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if consumer is self._consumer:
            self._outside_since = time.monotonic()
        # Called from `poll`, when the batch before it is stored and its offsets are on their way.
        logger.info("partitions_revoked", partitions=_names(partitions))

    def _on_commit(self, error: KafkaError | None, _partitions: list[TopicPartition]) -> None:
        if error is not None:
            logger.info("offsets_not_committed", reason=str(error))


def _names(partitions: Iterable[TopicPartition]) -> list[str]:
    return [f"{partition.topic}/{partition.partition}" for partition in partitions]


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.fatal():
        raise KafkaException(error)
    logger.warning("poll_error", error=str(error))
    return False


def record_of(message: Message) -> Record:
    """Return a message of librdkafka's as the rest of the bridge knows it."""
    headers = {
        str(name): value.decode("utf-8", "replace").replace("\x00", "\ufffd")
        for name, value in list(message.headers() or [])
        if isinstance(value, bytes)
    }
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_as_bytes(message.key()),
        value=_as_bytes(message.value()),
        headers=headers,
    )


def _as_bytes(part: str | bytes | None) -> bytes | None:
    return part.encode() if isinstance(part, str) else part
