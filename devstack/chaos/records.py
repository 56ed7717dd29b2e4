"""Records that no service of ours would produce: broken ones, and old ones once more."""

import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from devstack.topics import TopicRecord, Topics
from devstack.waiting import wait_until

POISONED: Final = "chaos-poison"
"""The header of a record that must die: which of them it is."""
REPLAYED: Final = "chaos-replay"
"""The header of a record that was on its topic before."""

_DELIVERED_WITHIN: Final = 20
_REPLAYED_AT_ONCE: Final = 25
_REWOUND_WITHIN: Final = 30
_TOLD_WITHIN: Final = 10
_LARGE: Final = 999_000
"""With the rest, almost all that a topic takes; of more the dead letter topic has no copy."""

_BROKEN: Final[dict[str, dict[str, Any]]] = {
    "unknown version": {"version": "2.0"},
    "no version": {"version": None},
    "float amount": {"amount": 10.5},
    "negative amount": {"amount": -1000},
    "amount as text": {"amount": "1000"},
    "customer as number": {"customerId": 7},
    "no customer": {"customerId": ""},
    "nul": {"customerId": "\x00"},
    "large": {"customerId": "x" * _LARGE},
}
_BYTES: Final[dict[str, bytes | None]] = {
    "empty": b"",
    "tombstone": None,
    "not UTF-8": b'{"customerId": "\xff\xfe"}',
    "not JSON": b"{customerId: chaos}",
    "an array": b'[{"customerId": "chaos"}]',
    "a number": b"1",
}
POISONS: Final = (*_BROKEN, *_BYTES)


class RecordNotTakenError(RuntimeError):
    """The broker did not say that it has the record; it may."""


class Records:
    """Produces what is wrong."""

    def __init__(self, bootstrap_servers: str, *, seed: int) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "acks": "all",
                "message.max.bytes": 2 * _LARGE,  # else librdkafka would refuse it
                "log_level": 0,
            }
        )
        self._bootstrap_servers = bootstrap_servers
        self._topics = Topics(bootstrap_servers)
        self._seed = seed

    def poison(self, topic: str, *, how: str, at: int) -> None:
        """Produce a broken record, after so many payments.

        Raises:
            RecordNotTakenError: see there.
        """
        key = None if self._dice(at, topic, how).random() < 0.2 else "chaos"  # noqa: PLR2004
        self._produce(topic, _poison(topic, how), key=key, headers={POISONED: f"{at}-{how}"})

    def replay(self, topic: str, *, at: int) -> None:
        """Produce some records of the topic again, as they are, after so many payments.

        Raises:
            RecordNotTakenError: see there.
            DeadlinePassedError: the broker does not give them.
        """
        records = [one for one in self._topics.records(topic) if POISONED not in one.headers]
        for one in self._dice(at, topic, "replay").sample(
            records, min(_REPLAYED_AT_ONCE, len(records))
        ):
            headers = one.headers | {REPLAYED: "1"}
            self._produce(topic, one.value, key=one.key, headers=headers)

    def committed(self, group: str, topics: list[str]) -> list[dict[str, Any]]:
        """Return topic, partition and committed offset of what a group has passed, if anything.

        Raises:
            KafkaException: the broker does not tell.
        """
        consumer = Consumer(
            {"bootstrap.servers": self._bootstrap_servers, "group.id": group, "log_level": 0}
        )
        try:
            described = consumer.list_topics(timeout=_TOLD_WITHIN).topics
            partitions = [
                TopicPartition(topic, number)
                for topic in topics
                for number in described[topic].partitions
            ]
            found = consumer.committed(partitions, timeout=_TOLD_WITHIN)
        finally:
            consumer.close()
        if broken := next((one.error for one in found if one.error), None):
            raise KafkaException(broken)
        return [
            {"topic": one.topic, "partition": one.partition, "committed": max(0, one.offset)}
            for one in found
        ]

    def rewind(self, group: str, topics: list[str]) -> None:
        """Set a consumer group, whose members are gone, back to the start of these topics.

        It is joined for that: who was killed is a member until the broker has missed them.

        Raises:
            DeadlinePassedError: the broker does not give all of the partitions.
        """
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap_servers,
                "group.id": group,
                "partition.assignment.strategy": "cooperative-sticky",  # as the others' are
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 1000,
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        consumer.subscribe(topics)

        def rewound() -> bool:
            consumer.poll(0.1)
            try:
                described = consumer.list_topics(timeout=5).topics
                starts = [
                    TopicPartition(topic, number, 0)
                    for topic in topics
                    for number in described[topic].partitions
                ]
                if len(consumer.assignment()) < len(starts):
                    return False
                consumer.commit(offsets=starts, asynchronous=False)
            except KafkaException:
                return False
            return True

        try:
            wait_until(rewound, what=f"{group} to be rewound", seconds=_REWOUND_WITHIN)
        finally:
            consumer.close()

    def all_of(self, topics: list[str]) -> dict[str, list[TopicRecord]]:
        """Return every record of the topics."""
        return {topic: self._topics.records(topic) for topic in topics}

    def _dice(self, *step: object) -> random.Random:
        """Return a step's own dice: what others drew, by how things went, does not change it."""
        return random.Random(":".join(map(str, (self._seed, *step))))  # noqa: S311 - repeatable

    def _produce(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: str | bytes | None,
        headers: Mapping[str, str],
    ) -> None:
        errors: list[object] = []
        self._producer.produce(
            topic,
            value,
            key,
            headers=dict(headers),
            on_delivery=lambda error, _record: errors.append(error),
        )
        self._producer.flush(_DELIVERED_WITHIN)
        if errors != [None]:
            raise RecordNotTakenError(f"{topic}: {errors}")


def _poison(topic: str, how: str) -> bytes | None:
    if how in _BYTES:
        return _BYTES[how]
    return orjson.dumps(_almost_right(topic) | _BROKEN[how])


def _almost_right(topic: str) -> dict[str, Any]:
    """Fill in what any of the contracts about a payment asks for."""
    return {
        "eventId": str(uuid.uuid4()),
        "eventType": topic,
        "source": "chaos",
        "timestamp": datetime.now(UTC).isoformat(),
        "customerId": "chaos",
        "customerInfo": {},
        "metadata": {},
        "paymentId": str(uuid.uuid4()),
        "paymentIntentId": "pi_chaos",
        "paymentMethodId": "pm_card_visa",
        "action": "capture",
        "status": "succeeded",
        "success": True,
        "amount": 1000,
        "currency": "eur",
        "requestedAt": datetime.now(UTC).isoformat(),
    }
