"""What tests of handlers and of the bridge need beside a database and a broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection

from kafka_bridge import handlers
from kafka_bridge.contracts import EVENT_CLASSES, Event

_STRANDED: Final = """
SELECT DISTINCT key FROM kafka_bridge_inboxevent AS event
WHERE handled_at IS NULL AND dead_at IS NULL
    AND NOT EXISTS (SELECT FROM kafka_bridge_lane AS lane WHERE lane.key = event.key)
"""
# In the order in which the bridge locks them, against deadlocks.
_MAKE_DUE: Final = """
UPDATE kafka_bridge_lane SET available_at = clock_timestamp()
WHERE key IN (SELECT key FROM kafka_bridge_lane ORDER BY key COLLATE "C" FOR UPDATE)
"""


@contextmanager
def only_handlers_of_the_test() -> Iterator[None]:
    """Hide the service's handlers and limits, so that those registered within are the only ones."""
    registered = handlers._handlers  # noqa: SLF001 - else nobody's business
    lists: tuple[list[Any], ...] = (handlers._rooms, handlers._watchers)  # noqa: SLF001
    of_the_service, listed = dict(registered), [list(one) for one in lists]
    registered.clear()
    for one in lists:
        one.clear()
    try:
        yield
    finally:
        registered.clear()
        registered.update(of_the_service)
        for one, before in zip(lists, listed, strict=True):
            one[:] = before


@contextmanager
def contract_of_topic(event_class: type[Event]) -> Iterator[None]:
    """Have the records of the class's topic read as the class, whatever they are otherwise."""
    usual = EVENT_CLASSES.get(event_class.topic)
    EVENT_CLASSES[event_class.topic] = event_class
    try:
        yield
    finally:
        if usual is None:
            del EVENT_CLASSES[event_class.topic]
        else:
            EVENT_CLASSES[event_class.topic] = usual


def stranded_keys() -> set[str]:
    """Return the keys that have a pending event and no lane: nobody would ever handle it."""
    with connection.cursor() as cursor:
        cursor.execute(_STRANDED)
        return {key for (key,) in cursor.fetchall()}


def make_lanes_due() -> int:
    """Let every wait and every lease of a lane be over. Returns how many lanes there are."""
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_DUE)
        return int(cursor.rowcount)
