"""Work on the database that outlives a restart of PostgreSQL."""

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final, TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections

from kafka_bridge.errors import TryLater

logger = structlog.get_logger(__name__)

T = TypeVar("T")

_reader: Final = ThreadPoolExecutor(1, "read")

_LONGEST_WAIT: Final = 5.0
_PROGRAM_LIMIT: Final = "54"
_QUERY_CANCELED: Final = "57014"
_ASK_AGAIN: Final = 1.0


class Stopped(Exception):
    """The process was told to stop while it waited for the database."""


def keep_no_query_log() -> None:
    """Stop Django from keeping every query, as it does for pages where DEBUG is on."""
    settings.DEBUG = False


def now() -> datetime:
    """Return the time by the database's clock, which is one for all processes of a service."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def is_away(error: Exception) -> bool:
    """Tell whether the database could not work at all, as opposed to refusing this statement.

    Django raises OperationalError for both. A program limit (a row too large for its index) or a
    statement timeout will meet the same statement again: it is a failure like any other.
    https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    code = getattr(error.__cause__, "pgcode", None) or ""
    return not code.startswith(_PROGRAM_LIMIT) and code != _QUERY_CANCELED


def until_it_works(work: Callable[[], T], *, stop: threading.Event) -> T:
    """Run `work`, which opens its own transactions, until the database lets it through.

    A lost connection is replaced and the work done again, so it must be safe to do twice: the
    COMMIT whose answer was lost may have happened.

    Raises:
        Stopped: `stop` was set meanwhile.
    """
    wait = 0.1
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            if not is_away(error):
                raise
            logger.warning("database_unavailable", error=str(error).strip(), retry_in=wait)
            connection.close()
        if stop.wait(wait * random.uniform(0.5, 1.0)):  # noqa: S311 - jitter, not a secret
            raise Stopped
        wait = min(wait * 2, _LONGEST_WAIT)


async def read_in_thread(read: Callable[[], T]) -> T:
    """Read the database from a handler's `call`, whose event loop must not wait for it.

    What has to be known before the call's answer is recorded may be written in the same way, in a
    transaction of its own.

    Raises:
        TryLater: the database is away.
    """
    try:
        return await asyncio.get_running_loop().run_in_executor(_reader, read)
    except (OperationalError, InterfaceError) as error:
        if not is_away(error):
            raise
        _reader.submit(connections.close_all)
        raise TryLater("the database is away", seconds=_ASK_AGAIN) from error


def close_reader() -> None:
    """Close the connection that `read_in_thread` keeps; the next read opens another."""
    _reader.submit(connections.close_all).result()
