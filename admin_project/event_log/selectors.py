"""Reading the event log."""

from collections.abc import Collection
from typing import NamedTuple

import orjson

from admin_project.event_log.models import LoggedEvent
from kafka_bridge.contracts import EVENT_CLASSES, Event, Topic


class Numbered(NamedTuple):
    """An event of the log, without what is private, and its number there."""

    number: int
    event: Event


def events_between(
    *, after: int, until: int, of: Collection[type[Event]], limit: int
) -> list[Numbered]:
    """Return the first events of these classes with a number above `after`, up to `until`."""
    rows = (
        LoggedEvent.objects.filter(
            number__gt=after, number__lte=until, topic__in=[one.topic for one in of]
        )
        .order_by("number")
        .values_list("number", "topic", "content")[:limit]
    )
    return [
        Numbered(number, EVENT_CLASSES[Topic(topic)].model_validate_json(orjson.dumps(content)))
        for number, topic, content in rows
    ]
