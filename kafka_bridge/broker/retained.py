"""Reading topics from their beginning, as far as the broker has them, as no group's member."""

from collections.abc import Iterable, Iterator
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from kafka_bridge.broker.clients import client_settings, log_client_error
from kafka_bridge.broker.consumer import record_of
from kafka_bridge.records import Record

_READ_ALL: Final = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
}


def retained_records(
    *, reader: str, topics: Iterable[str], limit: int, timeout: float
) -> Iterator[list[Record]]:
    """Read every record of the topics, in batches of up to `limit`, until each partition's end.

    What is produced meanwhile may be part of it. Nothing is committed.

    Raises:
        BrokerError: the broker cannot be reached, or was silent for `timeout` seconds.
    """
    consumer = Consumer(
        client_settings(_READ_ALL) | {"group.id": reader, "error_cb": log_client_error}
    )
    try:
        existing = consumer.list_topics(timeout=timeout).topics
        open_ = {
            (topic, partition)
            for topic in sorted(set(topics) & set(existing))
            for partition in existing[topic].partitions
        }
        consumer.assign([TopicPartition(*one, OFFSET_BEGINNING) for one in sorted(open_)])
        while open_:
            messages = consumer.consume(limit, timeout)
            if not messages:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
            records = []
            for message in messages:
                if (error := message.error()) is None:
                    records.append(record_of(message))
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    open_.discard((message.topic() or "", message.partition() or 0))
                else:
                    raise KafkaException(error)
            if records:
                yield records
    finally:
        consumer.close()
