"""Several connections to the database at once, each in a thread of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection

from devstack.waiting import wait_until

T = TypeVar("T")

# pg_stat_activity would not do: a transaction sees it as it was at its first look.
_WAITING = """
SELECT count(DISTINCT waiting.pid) FROM pg_locks AS waiting JOIN pg_locks AS own USING (pid)
WHERE NOT waiting.granted
    AND own.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Elsewhere:
    """Runs work in threads whose connections end with it."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def run(self, work: Callable[[], T]) -> Future[T]:
        return self._pool.submit(self._then_disconnect, work)

    @staticmethod
    def _then_disconnect(work: Callable[[], T]) -> T:
        try:
            return work()
        finally:
            connection.close()


@contextmanager
def elsewhere(threads: int = 4) -> Iterator[Elsewhere]:
    with ThreadPoolExecutor(threads) as pool:
        yield Elsewhere(pool)


def wait_until_blocked(count: int = 1) -> None:
    """Wait until this many connections wait for a lock that another one holds."""
    wait_until(lambda: _waiting() >= count, what=f"{count} connections to be blocked", seconds=10)


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return int(cursor.fetchone()[0])
