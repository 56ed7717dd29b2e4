"""Create the topics."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kafka_bridge import broker
from kafka_bridge.contracts import Topic


class Command(BaseCommand):
    """`manage.py create_topics`: safe to repeat; any service may run it for all."""

    help = "Create every topic and its dead letter topic where they are missing; name any drift."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how long to wait for the broker."""
        parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait")

    def handle(self, *_args: Any, timeout: float, **_options: Any) -> None:
        """Create what is missing, say what was there and where it is not as the settings say."""
        limit = {"max.message.bytes": str(broker.MAX_DEAD_LETTER_BYTES)}
        safe = _min_insync_replicas(settings.KAFKA_TOPIC_REPLICATION)
        self._create(list(Topic), safe, timeout)
        self._create([topic.dead_letter_topic for topic in Topic], limit | safe, timeout)

    def _create(self, names: list[str], config: dict[str, str], timeout: float) -> None:
        try:
            found = broker.create_topics(
                names,
                partitions=settings.KAFKA_TOPIC_PARTITIONS,
                replication=settings.KAFKA_TOPIC_REPLICATION,
                timeout=timeout,
                config=config,
            )
        except broker.BrokerError as error:
            raise CommandError(f"Kafka at {settings.KAFKA_BOOTSTRAP_SERVERS}: {error}") from error
        for name, topic in found.items():
            self.stdout.write(f"{name}: {f'{topic.partitions} partitions' if topic else 'created'}")
            for warning in drift(topic, config) if topic else ():
                self.stderr.write(self.style.WARNING(f"  {name}: {warning}"))


def _min_insync_replicas(replication: int) -> dict[str, str]:
    """Have `acks=all` mean two brokers at least, where one of three may fail."""
    return {"min.insync.replicas": "2"} if replication > 2 else {}  # noqa: PLR2004


def drift(topic: broker.ExistingTopic, config: dict[str, str]) -> Iterator[str]:
    """Tell where a topic differs from the settings, and what to do about it."""
    partitions, replication = settings.KAFKA_TOPIC_PARTITIONS, settings.KAFKA_TOPIC_REPLICATION
    if topic.partitions != partitions:
        yield (
            f"has {topic.partitions} partitions, KAFKA_TOPIC_PARTITIONS says {partitions}. "
            "More partitions give keys other ones: let consumers catch up first, then "
            "kafka-topics.sh --alter --partitions; fewer need a new topic."
        )
    if topic.replication != replication:
        yield (
            f"has {topic.replication} replicas, KAFKA_TOPIC_REPLICATION says {replication}: "
            "kafka-reassign-partitions.sh."
        )
    needed = int(config.get("max.message.bytes", 0))
    if topic.max_message_bytes is not None and topic.max_message_bytes < needed:
        yield (
            f"takes {topic.max_message_bytes} bytes a record, dead letters may have {needed}: "
            f"kafka-configs.sh --alter --add-config max.message.bytes={needed}."
        )
