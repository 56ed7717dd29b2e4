"""Topics: made where they are missing, and compared with the settings where they are not."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
)

from kafka_bridge.broker.clients import client_settings

logger = structlog.get_logger(__name__)

MAX_MESSAGE_BYTES: Final = "max.message.bytes"


class ExistingTopic(NamedTuple):
    """A topic that was there already."""

    partitions: int
    replication: int
    max_message_bytes: int | None
    """None if the broker does not tell."""


def create_topics(
    names: Iterable[str],
    *,
    partitions: int,
    replication: int,
    timeout: float,
    config: Mapping[str, str] | None = None,
) -> dict[str, ExistingTopic | None]:
    """Create the topics that are missing, and wait up to `timeout` seconds until they are there.

    Returns, for each name, what was there already, or None if it is new.

    Raises:
        KafkaException: the broker cannot be reached, or refuses a topic.
    """
    admin = AdminClient(client_settings())
    metadata = _wait_for_metadata(admin.list_topics, timeout=timeout).topics
    names = [str(name) for name in names]
    existing = [name for name in names if name in metadata]
    missing = [
        NewTopic(name, partitions, replication, config=dict(config or {}))
        for name in names
        if name not in metadata
    ]
    if missing:
        for future in admin.create_topics(missing, operation_timeout=timeout).values():
            _create(future.result)
        _wait_until_listed(admin, {topic.topic for topic in missing}, timeout=timeout)
    limits = _max_message_bytes(admin, existing, timeout=timeout)
    found = {
        name: ExistingTopic(
            partitions=len(metadata[name].partitions),
            replication=min(len(one.replicas) for one in metadata[name].partitions.values()),
            max_message_bytes=limits.get(name),
        )
        for name in existing
    }
    return {name: found.get(name) for name in names}


def _create(result: Callable[[], None]) -> None:
    try:
        result()
    except KafkaException as error:
        # Another process may create the same topics at this moment.
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _wait_until_listed(admin: AdminClient, names: set[str], *, timeout: float) -> None:
    """Wait for the brokers to tell of new topics, which they do a moment after their creation."""
    deadline = time.monotonic() + timeout
    while not names <= set(_wait_for_metadata(admin.list_topics, timeout=timeout).topics):
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
        time.sleep(0.05)


def _max_message_bytes(
    admin: AdminClient, names: Sequence[str], *, timeout: float
) -> dict[str, int]:
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    if not resources:
        return {}
    limits = {}
    for resource, future in admin.describe_configs(resources, request_timeout=timeout).items():
        try:
            entry = future.result().get(MAX_MESSAGE_BYTES)
        except KafkaException as error:
            logger.info("topic_config_unknown", topic=resource.name, reason=str(error))
        else:
            if entry is not None and entry.value is not None:
                limits[resource.name] = int(entry.value)
    return limits


def _wait_for_metadata(list_topics: Callable[..., Any], *, timeout: float) -> Any:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return list_topics(timeout=min(5.0, timeout))
        except KafkaException:
            if time.monotonic() > deadline:
                raise
