"""What every client of the broker is set up with."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException
from django.conf import settings

logger = structlog.get_logger(__name__)

BrokerError = KafkaException
"""What librdkafka raises; the name that the rest of the bridge knows it by."""

MAX_RECORD_BYTES: Final = 1_000_000
"""The largest value that `publish` takes. With its key and headers it fits in a topic's default
`max.message.bytes`, 1,048,588."""

MAX_DEAD_LETTER_BYTES: Final = 2 * 1024 * 1024
"""What dead letter topics take: any record of the others, and headers that say why it died."""


def client_settings(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge layers of librdkafka settings, with those of the environment over them."""
    merged: dict[str, Any] = {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "client.id": f"paybridge-{settings.SERVICE_NAME}",
    }
    for layer in (*layers, settings.KAFKA_CLIENT_SETTINGS):
        merged |= layer
    return merged


def log_client_error(error: KafkaError) -> None:
    """Log what librdkafka tells of itself; it goes on by itself unless the error is fatal."""
    logger.warning("kafka_client_error", error=str(error), fatal=error.fatal())
