"""Producing: batches, and of each record whether the broker has it."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from django.conf import settings

from kafka_bridge.broker.clients import (
    MAX_DEAD_LETTER_BYTES,
    client_settings,
    log_client_error,
)
from kafka_bridge.broker.clock import end_when_put_back
from kafka_bridge.records import OutgoingRecord

_PRODUCER_SETTINGS: Final = {
    "acks": "all",
    "enable.idempotence": True,
    "compression.type": "zstd",
    "linger.ms": 0,
    "message.max.bytes": MAX_DEAD_LETTER_BYTES,  # its default is less than what topics take
    # The relay decides when to give up on a batch, not librdkafka on one record of it: a record
    # that timed out in front of a later one of its key would leave them in the wrong order.
    "message.timeout.ms": 0,
    # So long a topic may be unknown before its records are refused; meanwhile the batch waits.
    "topic.metadata.propagation.max.ms": 2_000,
}


class Produced(NamedTuple):
    """What became of a batch. Records that are in neither may have arrived."""

    acknowledged: frozenset[int]
    """The positions of the records that the broker has."""
    refused: dict[int, str]
    """The positions of those that it does not take, and why."""


class BrokerProducer:
    """Produces batches, and knows of each record whether the broker has it.

    If the clock is put back, the process ends.
    """

    def __init__(self) -> None:
        end_when_put_back()
        self._producer = self._connect()

    def _connect(self) -> Producer:
        return Producer(
            client_settings(_PRODUCER_SETTINGS, settings.KAFKA_PRODUCER_SETTINGS)
            | {"error_cb": log_client_error}
        )

    def produce(self, records: Sequence[OutgoingRecord], *, timeout: float) -> Produced:
        """Produce the records in order and wait up to `timeout` seconds for the broker's answers.

        After one that is refused at once, those of its key on its topic are not tried.
        """
        acknowledged: set[int] = set()
        refused: dict[int, str] = {}
        fatal = False

        def on_delivery_of(position: int) -> Callable[[KafkaError | None, Message], None]:
            def on_delivery(error: KafkaError | None, _message: Message) -> None:
                nonlocal fatal
                if error is None:
                    acknowledged.add(position)
                else:
                    refused[position] = str(error)
                    fatal = fatal or error.fatal()

            return on_delivery

        held_up: dict[tuple[str, str], str] = {}
        for position, record in enumerate(records):
            lane = (record.topic, record.key)
            if lane not in held_up:
                try:
                    self._producer.produce(
                        record.topic,
                        value=record.value,
                        key=record.key,
                        headers=list(record.headers.items()),
                        on_delivery=on_delivery_of(position),
                    )
                except (KafkaException, BufferError) as error:
                    held_up[lane] = str(error)
                    fatal = fatal or self._is_fatal(error)
            if lane in held_up:
                refused[position] = held_up[lane]
        unanswered = self._producer.flush(timeout)
        produced = Produced(frozenset(acknowledged), dict(refused))
        if unanswered or fatal:
            # What still waits must not overtake the next attempt: it goes with its producer.
            self._producer.purge()
            self._producer = self._connect()
        return produced

    @staticmethod
    def _is_fatal(error: Exception) -> bool:
        return isinstance(error, KafkaException) and bool(error.args[0].fatal())
