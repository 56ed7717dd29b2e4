"""All facts, sums and the ledger made again from the event log, beside live consumption.

They are made in tables of the same names in a schema of their own, by the same code as ever, and
take the place of the live ones in one transaction, in which nobody can append to the log.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from django.db import OperationalError, connection, transaction
from psycopg2.errors import LockNotAvailable

from admin_project.analytics import services
from admin_project.analytics.models import (
    InvoiceFact,
    MrrMovement,
    PaymentAggregate,
    PaymentFact,
    PaymentStep,
    SubscriptionFact,
    SubscriptionStep,
    WebhookAggregate,
)
from admin_project.event_log import selectors as event_log
from admin_project.event_log.models import LoggedEvent
from admin_project.event_log.selectors import Numbered
from admin_project.ledger import services as ledger
from admin_project.ledger.models import BalanceTransaction, Entry, StripeCount
from admin_project.timeline import services as asks
from admin_project.timeline.models import Ask
from kafka_bridge.contracts import Event

REBUILT: Final = tuple(
    model._meta.db_table
    for model in (
        PaymentFact,
        PaymentStep,
        PaymentAggregate,
        SubscriptionFact,
        SubscriptionStep,
        MrrMovement,
        InvoiceFact,
        WebhookAggregate,
        BalanceTransaction,
        Entry,
        StripeCount,
        Ask,
    )
)
_LOG: Final = LoggedEvent._meta.db_table
_SCHEMA: Final = "analytics_rebuild"
_BATCH: Final = 2000
_TAIL: Final = 2000
"""With so few events left, those who append may wait until they are recorded."""
_READERS_WITHIN: Final = 60.0
"""Seconds until nobody reads: a page reads for less than one."""
_AGAIN: Final = 0.02

# Constraints, indexes and triggers keep their names, by which migrations know them.
_DEFINITIONS: Final = """
SELECT format('ALTER TABLE %%I.%%I ADD CONSTRAINT %%I %%s',
              %(schema)s, %(table)s, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = %(live)s::regclass AND contype IN ('p', 'u')
UNION ALL
SELECT replace(pg_get_indexdef(indexrelid), ' ON ' || %(from)s || '.', ' ON ' || %(schema)s || '.')
FROM pg_index WHERE indrelid = %(live)s::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
UNION ALL
SELECT replace(pg_get_triggerdef(oid), ' ON ' || %(from)s || '.', ' ON ' || %(schema)s || '.')
FROM pg_trigger WHERE tgrelid = %(live)s::regclass AND NOT tgisinternal
"""


class _Part(NamedTuple):
    """Tables that are made by one service."""

    name: str
    record: Callable[[Sequence[Event]], None]
    recorded: frozenset[type[Event]]
    read: Callable[..., list[Numbered]] = event_log.events_between


_PARTS: Final = (
    _Part("facts", services.record, services.RECORDED),
    _Part("ledger", ledger.record, ledger.RECORDED),
    _Part("asks", asks.note, asks.NOTED, event_log.envelopes_between),
)


class RebuildRuns(Exception):
    """Another rebuild runs at this moment."""


class TablesInUse(Exception):
    """Somebody read them all the time. Nothing has changed."""


def rebuild(*, tell: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """Make everything again. Returns how many rows of each table differ from those it replaced.

    Consumers and readers go on meanwhile; the former wait while the last events are recorded and
    the tables change places. Whatever interrupts it leaves the live tables as they were.

    Raises:
        RebuildRuns: one at a time.
        TablesInUse: the new tables could not take the place of the live ones.
    """
    with _only_one():
        live = _make_tables()
        done = 0
        while (last := _last_number()) - done > _TAIL:
            _record(live, after=done, until=last, tell=tell)
            done = last
        _analyze()
        with transaction.atomic(), connection.cursor() as cursor:
            _keep_appends_out()
            _record(live, after=done, until=_last_number(), tell=tell)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            differences = {table: _difference(table, live) for table in REBUILT}
            _keep_readers_out(live)
            for table in REBUILT:
                cursor.execute(f"DROP TABLE {live}.{table}")
                cursor.execute(f"ALTER TABLE {_SCHEMA}.{table} SET SCHEMA {live}")
            cursor.execute(f"DROP SCHEMA {_SCHEMA}")
        return differences


def _make_tables() -> str:
    """Make the empty tables. Returns the schema of the live ones."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
        cursor.execute("SELECT quote_ident(current_schema())")
        (live,) = cursor.fetchone() or ("public",)
        cursor.execute(f"CREATE SCHEMA {_SCHEMA}")
        for table in REBUILT:
            cursor.execute(
                f"CREATE TABLE {_SCHEMA}.{table} (LIKE {live}.{table}"
                " INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE)"
            )
            given = {"schema": _SCHEMA, "table": table, "live": f"{live}.{table}", "from": live}
            cursor.execute(_DEFINITIONS, given)
            for (definition,) in cursor.fetchall():
                cursor.execute(definition)
    return str(live)


def _last_number() -> int:
    """Return the last number of the log. What is appended from now on has a higher one."""
    with transaction.atomic(), connection.cursor() as cursor:
        _keep_appends_out()
        cursor.execute(f"SELECT coalesce(max(number), 0) FROM {_LOG}")
        (last,) = cursor.fetchone() or (0,)
        return int(last)


def _keep_appends_out() -> None:
    """Wait for appends under way, and have new ones wait for the end of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {_LOG} IN SHARE ROW EXCLUSIVE MODE")


def _keep_readers_out(live: str) -> None:
    """Lock all live tables at once. One after the other, a query of two of them could deadlock."""
    tables = ", ".join(f"{live}.{table}" for table in REBUILT)
    with connection.cursor() as cursor:
        # Who waits for this has autovacuum give way, and it keeps nobody else out.
        cursor.execute(f"LOCK TABLE {tables} IN SHARE UPDATE EXCLUSIVE MODE")
    deadline = time.monotonic() + _READERS_WITHIN
    while not _locked_at_once(tables):
        if time.monotonic() > deadline:
            raise TablesInUse(
                f"for {_READERS_WITHIN:.0f} s somebody read the tables; try again when no"
                " long query runs on them"
            )
        time.sleep(_AGAIN)


def _locked_at_once(tables: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE NOWAIT")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False
    return True


def _record(live: str, *, after: int, until: int, tell: Callable[[str], None]) -> None:
    """Record the events of the log with these numbers in the new tables."""
    for part in _PARTS:
        done = after
        while batch := part.read(after=done, until=until, of=part.recorded, limit=_BATCH):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL search_path TO {_SCHEMA}, {live}")
                part.record([event for _, event in batch])
            done = batch[-1].number
            tell(f"{part.name}: event {done} of {until}")


def _analyze() -> None:
    with connection.cursor() as cursor:
        for table in REBUILT:
            cursor.execute(f"ANALYZE {_SCHEMA}.{table}")


def _difference(table: str, live: str) -> int:
    """Count the rows that only one of the two tables has."""
    old, new = f"TABLE {live}.{table}", f"TABLE {_SCHEMA}.{table}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (({old} EXCEPT ALL {new}) UNION ALL ({new} EXCEPT ALL {old}))"
        )
        (count,) = cursor.fetchone() or (0,)
        return int(count)


@contextmanager
def _only_one() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [_SCHEMA])
        if cursor.fetchone() != (True,):
            raise RebuildRuns("another rebuild runs at this moment")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [_SCHEMA])
