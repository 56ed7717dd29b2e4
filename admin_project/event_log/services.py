"""Writing the event log."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import orjson
from django.db import connection

from admin_project.timeline import services as asks
from kafka_bridge.contracts import Event

E = TypeVar("E", bound=Event)

# In the transaction of an append, the inbox has the record that brought the event.
_INSERT: Final = """
INSERT INTO event_log_loggedevent
    (event_id, topic, customer_id, correlation_id, causation_id, source, content, partition,
     "offset", occurred_at, received_at, logged_at)
SELECT event_id, given.topic, customer_id, given.correlation_id, causation_id, source, content,
    inbox.partition, inbox."offset", occurred_at, inbox.received_at, clock_timestamp()
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::text[], %s::jsonb[],
            %s::timestamptz[])
    WITH ORDINALITY
    AS given (event_id, topic, customer_id, correlation_id, causation_id, source, content,
              occurred_at, position)
LEFT JOIN kafka_bridge_inboxevent AS inbox USING (event_id)
ORDER BY position
ON CONFLICT (event_id) DO NOTHING
RETURNING event_id
"""


def append(events: Sequence[E]) -> list[E]:
    """Log the events, without the fields that their contracts mark as private.

    Returns those that were not in the log yet.
    """
    if not events:
        return []
    columns: list[list[Any]] = [
        [str(event.event_id) for event in events],
        [event.topic.value for event in events],
        [event.customer_id for event in events],
        [str(event.correlation_id or event.event_id) for event in events],
        [event.causation_id and str(event.causation_id) for event in events],
        [event.source for event in events],
        [orjson.dumps(event.public_content()).decode() for event in events],
        [event.timestamp for event in events],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        new = {event_id for (event_id,) in cursor.fetchall()}
    appended = [event for event in events if event.event_id in new]
    asks.note(appended)
    return appended
