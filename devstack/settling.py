"""Whether events are still on their way, as the outboxes and inboxes tell."""

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from devstack.waiting import wait_until

_UNPUBLISHED = "SELECT count(*) FROM kafka_bridge_outboxevent WHERE published_at IS NULL"
_PENDING = (
    "SELECT count(*) FROM kafka_bridge_inboxevent WHERE handled_at IS NULL AND dead_at IS NULL"
)
_CALM = 3  # looks in a row: an event that is on a topic only is in neither table


def wait_until_settled(database_urls: list[str], *, seconds: float) -> None:
    """Wait until no outbox row is unpublished and no inbox row pending in any database.

    Raises:
        DeadlinePassedError: some still are.
    """
    connections = [psycopg2.connect(url) for url in database_urls]
    calm = 0

    def settled() -> bool:
        nonlocal calm
        calm = 0 if any(map(_unsettled, connections)) else calm + 1
        return calm >= _CALM

    try:
        wait_until(settled, what="events on their way", seconds=seconds, every=0.05)
    finally:
        for connection in connections:
            connection.close()


def _unsettled(connection: Connection) -> int:
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({_UNPUBLISHED}) + ({_PENDING})")
        (count,) = cursor.fetchone() or (0,)
    return int(count)
