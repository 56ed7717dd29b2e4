"""Producing and consuming, one record at a time."""

import functools
import json
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, Producer
from django.conf import settings

REQUESTS, RESULTS, ANALYTICS = "requests", "results", "analytics"


def topic_name(topic: str) -> str:
    """Return a topic's name in this run."""
    return f"{settings.TOPIC_PREFIX}.{topic}"


@functools.cache
def _producer() -> Producer:
    return Producer(
        {
            **settings.KAFKA_CLIENT_SETTINGS.get("producer", {}),
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "acks": "all",
        }
    )


def publish(topic: str, event: dict[str, Any]) -> None:
    """Produce an event and wait until it is there."""
    _producer().produce(topic_name(topic), json.dumps(event).encode(), key=event["customerId"])
    _producer().flush()


def events(topic: str) -> Iterator[dict[str, Any]]:
    """Yield the topic's events; each is committed when the next is asked for."""
    consumer = Consumer(
        {
            **settings.KAFKA_CLIENT_SETTINGS.get("consumer", {}),
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": f"tutorial-{topic_name(topic)}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic_name(topic)])
    while True:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        yield json.loads(message.value() or b"{}")
        consumer.commit(message=message, asynchronous=False)
