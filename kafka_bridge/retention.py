"""Retention: what was relayed or handled long ago leaves the outbox and the inbox.

As long as rows are kept, repetitions are known: keep them longer than clients repeat requests and
Stripe repeats webhooks (3 days), and longer than Kafka keeps records.
"""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import connection

AT_ONCE: Final = 5_000
"""Rows looked at in one statement, the oldest first: no purge holds locks for long."""

_PURGES: Final = (
    """
    DELETE FROM kafka_bridge_outboxevent WHERE published_at < clock_timestamp() - %s::interval
    AND id IN (
        SELECT id FROM kafka_bridge_outboxevent WHERE published_at IS NOT NULL ORDER BY id LIMIT %s
    )
    """,
    """
    DELETE FROM kafka_bridge_inboxevent WHERE handled_at < clock_timestamp() - %s::interval
    AND id IN (
        SELECT id FROM kafka_bridge_inboxevent WHERE handled_at IS NOT NULL ORDER BY id LIMIT %s
    )
    """,
)

_purges_of_apps: list[str] = []


def purges(statement: str) -> str:
    """Register a service's own purge: SQL with the two parameters of those here."""
    _purges_of_apps.append(statement)
    return statement


def purge(*, at_once: int = AT_ONCE) -> int:
    """Delete a batch of what is older than KAFKA_BRIDGE_RETENTION_DAYS. Returns how many rows.

    What is unpublished, pending or dead stays, however old.
    """
    age = str(timedelta(days=settings.KAFKA_BRIDGE_RETENTION_DAYS))
    purged = 0
    with connection.cursor() as cursor:
        for statement in (*_PURGES, *_purges_of_apps):
            cursor.execute(statement, [age, at_once])
            purged += cursor.rowcount
    return purged
