"""How far an ask came that nobody answered: the broker knows whether its record was consumed."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from admin_project.event_log.models import LoggedEvent
from kafka_bridge.broker import BrokerError, group_offsets

_GROUP: Final = "payment-service"
"""Which everything is asked of."""
_WITHIN: Final = 1.0
"""Seconds for each question to the broker: a page waits for three of them at most."""


def consumed(asks: Iterable[LoggedEvent]) -> dict[UUID, str]:
    """Return what can be said of each, after a comma; nothing if the broker does not answer.

    What is consumed is in the payment service's inbox: its worker has the rest to do.
    """
    placed = {
        ask.event_id: (ask.topic, ask.partition, ask.offset)
        for ask in asks
        if ask.partition is not None and ask.offset is not None
    }
    if not placed:
        return {}
    topics = {topic for topic, *_ in placed.values()}
    try:
        found = group_offsets(group=_GROUP, topics=topics, timeout=_WITHIN)
    except BrokerError:
        return {}
    return {
        event_id: f", consumed by {_GROUP}"
        if offset < (reached.committed or 0)
        else f", not consumed yet by {_GROUP}"
        for event_id, (topic, partition, offset) in placed.items()
        if (reached := found.get((topic, partition)))
    }
