"""Receiving again what the broker still has."""

from collections.abc import Callable
from typing import Final

from django.conf import settings

from kafka_bridge import broker, inbox
from kafka_bridge.handlers import consumed_topics

_BATCH: Final = 500
_SILENCE: Final = 60.0


def receive_retained(*, tell: Callable[[str], None] = lambda _: None) -> int:
    """Receive every record of this service's topics that the broker has, from the beginning.

    For handlers that know repetitions for longer than the inbox keeps rows: each of theirs must
    have its effect once, however often it comes. Consumers go on meanwhile. Returns how many
    records there were.

    Raises:
        BrokerError: the broker cannot be reached, or was silent for a minute.
    """
    count = 0
    for records in broker.retained_records(
        reader=f"{settings.SERVICE_NAME}-replay",
        topics=consumed_topics(),
        limit=_BATCH,
        timeout=_SILENCE,
    ):
        inbox.receive(records)
        count += len(records)
        tell(f"{count} records received again")
    return count
