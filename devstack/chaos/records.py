"""Records that no service of ours would produce: broken ones, and old ones once more."""

import random
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from devstack.chaos.poisons import FAULT, POISONED, poison
from devstack.topics import TopicRecord, Topics
from devstack.waiting import wait_until

REPLAYED: Final = "chaos-replay"
"""The header of a record that was on its topic before."""

_DELIVERED_WITHIN: Final = 20
_REPLAYED_AT_ONCE: Final = 25
_REWOUND_WITHIN: Final = 30
_TOLD_WITHIN: Final = 10
_LISTED_WITHIN: Final = 5
_LARGEST: Final = 2_000_000
_AMONG_GOOD_ONES: Final = 0.5
_WITHOUT_KEY: Final = 0.4
"""Of the others."""


class RecordNotTakenError(RuntimeError):
    """The broker did not say that it has the record; it may."""


class Records:
    """Produces what is wrong."""

    def __init__(self, bootstrap_servers: str, *, seed: int, customers: list[str]) -> None:
        """Produce to these servers; `customers` are the ids of those who pay meanwhile."""
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "acks": "all",
                "message.max.bytes": _LARGEST,  # else librdkafka would refuse a large one
                "log_level": 0,
            }
        )
        self._bootstrap_servers = bootstrap_servers
        self._topics = Topics(bootstrap_servers)
        self._seed = seed
        self._customers = customers

    def poison(self, topic: str, *, how: str, at: int) -> None:
        """Produce a bad record after so many payments, half of the time among a customer's own.

        Raises:
            RecordNotTakenError: see there.
        """
        dice = self._dice(at, topic, how)
        customer = dice.choice(self._customers) if dice.random() < _AMONG_GOOD_ONES else "chaos"
        key = None if customer == "chaos" and dice.random() < _WITHOUT_KEY else customer
        bad = poison(topic, how, customer=customer)
        headers = {POISONED: f"{at}-{how}", FAULT: bad.field}
        self._produce(topic, bad.value, key=key, headers=headers)

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
            found = consumer.committed(
                _partitions(consumer, topics, timeout=_TOLD_WITHIN), timeout=_TOLD_WITHIN
            )
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
                starts = _partitions(consumer, topics, timeout=_LISTED_WITHIN)
                for start in starts:
                    start.offset = 0
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


def _partitions(consumer: Consumer, topics: list[str], *, timeout: float) -> list[TopicPartition]:
    described = consumer.list_topics(timeout=timeout).topics
    return [
        TopicPartition(topic, number) for topic in topics for number in described[topic].partitions
    ]
