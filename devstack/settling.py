"""Whether events are still on their way, as the outboxes and inboxes tell."""

from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from devstack.waiting import wait_until
from kafka_bridge.contracts import Topic

_UNPUBLISHED = "SELECT count(*) FROM kafka_bridge_outboxevent WHERE published_at IS NULL"
_PENDING = (
    "SELECT count(*) FROM kafka_bridge_inboxevent WHERE handled_at IS NULL AND dead_at IS NULL"
)
# What a consumer has not received after ten seconds is not on its way, but in trouble.
_PUBLISHED_LATELY = """
SELECT event_id::text, topic FROM (
    SELECT event_id, topic, published_at FROM kafka_bridge_outboxevent ORDER BY id DESC LIMIT 2000
) AS latest
WHERE published_at > clock_timestamp() - interval '10 seconds' AND topic = ANY(%s)
"""
_RECEIVED = "SELECT count(*) FROM kafka_bridge_inboxevent WHERE event_id = ANY(%s::uuid[])"
_CALM = 3  # looks in a row: the tables are not looked at in one moment


def wait_until_settled(database_urls: Mapping[str, str], *, seconds: float) -> None:
    """Wait until no event is unpublished, on a topic only, or pending in a service's inbox.

    Raises:
        DeadlinePassedError: some still are.
    """
    connections = {name: psycopg2.connect(url) for name, url in database_urls.items()}
    calm = 0

    def settled() -> bool:
        nonlocal calm
        moving = any(map(_unsettled, connections.values())) or _are_on_topics(connections)
        calm = 0 if moving else calm + 1
        return calm >= _CALM

    try:
        wait_until(settled, what="events on their way", seconds=seconds, every=0.05)
    finally:
        for connection in connections.values():
            connection.close()


def _unsettled(connection: Connection) -> int:
    [(count,)] = _rows(connection, f"SELECT ({_UNPUBLISHED}) + ({_PENDING})")
    return int(count)


def _are_on_topics(connections: Mapping[str, Connection]) -> bool:
    """Tell whether a service lacks an event that another has published."""
    sent: dict[str, set[str]] = {name: set() for name in connections}
    for connection in connections.values():
        for event_id, topic in _rows(connection, _PUBLISHED_LATELY, list(Topic)):
            for service in Topic(topic).consumers:
                sent[service].add(event_id)
    return any(
        _rows(connections[name], _RECEIVED, list(ids)) != [(len(ids),)]
        for name, ids in sent.items()
        if ids
    )


def _rows(connection: Connection, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
