"""Reading the event log."""

from collections.abc import Collection
from typing import NamedTuple

import orjson
from django.db.models import QuerySet

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
    rows = _between(after, until, of).values_list("number", "topic", "content")[:limit]
    return [
        Numbered(number, EVENT_CLASSES[Topic(topic)].model_validate_json(orjson.dumps(content)))
        for number, topic, content in rows
    ]


def envelopes_between(
    *, after: int, until: int, of: Collection[type[Event]], limit: int
) -> list[Numbered]:
    """Return them with envelope and action alone: those with private fields are not whole."""
    return [
        Numbered(
            row.number,
            EVENT_CLASSES[Topic(row.topic)].model_construct(
                event_id=row.event_id,
                source=row.source,
                customer_id=row.customer_id,
                correlation_id=row.correlation_id,
                causation_id=row.causation_id,
                timestamp=row.occurred_at,
                action=row.content.get("action"),
            ),
        )
        for row in _between(after, until, of)[:limit]
    ]


def _between(after: int, until: int, of: Collection[type[Event]]) -> QuerySet[LoggedEvent]:
    return LoggedEvent.objects.filter(
        number__gt=after, number__lte=until, topic__in=[one.topic for one in of]
    ).order_by("number")
