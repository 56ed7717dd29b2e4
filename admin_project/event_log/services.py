"""Writing the event log."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from django.db import connection

from admin_project.timeline import services as asks
from kafka_bridge.contracts import CardPaymentRequested, Event, SubscriptionRequested
from kafka_bridge.errors import storable
from kafka_bridge.records import Record

E = TypeVar("E", bound=Event)

_INSERT_DEAD: Final = """
INSERT INTO event_log_loggedevent
    (event_id, topic, customer_id, correlation_id, causation_id, source, content, partition,
     "offset", occurred_at, received_at, logged_at)
SELECT given.event_id, given.topic, coalesce(dead.customer_id, given.customer_id),
    coalesce(dead.correlation_id, given.dead_id, given.event_id), given.dead_id, given.source,
    given.content, given.partition, given."offset", clock_timestamp(), clock_timestamp(),
    clock_timestamp()
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::jsonb[], %s::int[],
            %s::bigint[])
    AS given (event_id, topic, customer_id, dead_id, source, content, partition, "offset")
LEFT JOIN event_log_loggedevent AS dead ON dead.event_id = given.dead_id
ON CONFLICT (event_id) DO NOTHING
"""
# Texts of the bridge's own, which name fields and no values. Those of others may say anything.
_TOLD: Final = frozenset({"InvalidEvent", "UnknownTopic", "NoHandler"})

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

    Of a customer's e-mail address the hash is kept, by which their timeline is found.
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
        [orjson.dumps(_content(event)).decode() for event in events],
        [event.timestamp for event in events],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        new = {event_id for (event_id,) in cursor.fetchall()}
    appended = [event for event in events if event.event_id in new]
    asks.note(appended)
    return appended


def append_dead_letters(records: Sequence[Record]) -> None:
    """Log dead letters: what the bridge wrote into their headers, and nothing that they hold.

    Each is caused by the event that died, and stands on its correlation if that is logged.
    """
    columns: list[list[Any]] = [
        [str(record.derived_event_id) for record in records],
        [record.topic for record in records],
        [storable((record.key or b"").decode("utf-8", "replace"))[:255] for record in records],
        [_uuid_or_none(record.headers.get("dlq_event_id")) for record in records],
        [f"{record.headers.get('dlq_consumer', 'unknown')[:50]}-service" for record in records],
        [orjson.dumps(_reason(record)).decode() for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_DEAD, columns)


def email_hash(address: str) -> str:
    """Return what stands for an address in the log: the SHA-256 of its lower case, in hex."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def _content(event: Event) -> dict[str, Any]:
    content = event.public_content()
    if isinstance(event, CardPaymentRequested | SubscriptionRequested):
        address = event.customer_info.email
        if address and address.strip():
            content["emailHash"] = email_hash(address)
    return content


def _reason(record: Record) -> dict[str, str]:
    told = {
        "errorType": record.headers.get("dlq_error_type", ""),
        "fingerprint": record.headers.get("dlq_fingerprint", ""),
        "topic": record.headers.get("dlq_topic", ""),
        "partition": record.headers.get("dlq_partition", ""),
        "offset": record.headers.get("dlq_offset", ""),
    }
    if told["errorType"] in _TOLD:
        told["error"] = record.headers.get("dlq_error", "")
    return {name: storable(text[:1000]) for name, text in told.items() if text}


def _uuid_or_none(text: str | None) -> str | None:
    try:
        return str(UUID(text)) if text else None
    except ValueError:
        return None
