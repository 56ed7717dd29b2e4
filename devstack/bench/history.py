"""A long history: every row of a service's tables again and again, with ids of their own."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, fields
from graphlib import TopologicalSorter
from typing import Any, Final

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

# Not what is no history: Django's and people's own tables, what a shop offers, what is set once,
# what is of a day or of a fault, and what is deleted when it is done.
_TABLES: Final = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND relname !~ '^(auth|authtoken|django|merchants|operators|readers|tokens|reconciliation)_'
    AND relname <> ALL(ARRAY[
        'customers_customer', 'customers_stripecustomer', 'checkout_item', 'subscriptions_plan',
        'subscriptions_dunningpolicy', 'balance_watermark', 'analytics_exchangerate',
        'ledger_stripecount', 'webhooks_refuseddelivery', 'subscriptions_earlymoneyback',
        'turns_objectread', 'kafka_bridge_lane'
    ])
"""
# Of each unique index one column is given new values: a reference to another row, an id, a moment,
# the longest text, or a number.
_COLUMNS: Final = """
WITH facts AS (
    SELECT a.attnum, a.attname AS name, format_type(a.atttypid, -1) AS kind,
        nullif(a.atttypmod, -1) - 4 AS length, a.attnotnull AS needed, a.atthasdef AS has_default,
        c.confrelid::regclass::text AS parent, (
            SELECT attname FROM pg_attribute p
            WHERE p.attrelid = c.confrelid AND p.attnum = c.confkey[1]
        ) AS parent_column
    FROM pg_attribute a LEFT JOIN pg_constraint c
        ON c.conrelid = a.attrelid AND c.contype = 'f' AND c.conkey = ARRAY[a.attnum]
    WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attgenerated = '' AND a.attidentity = ''
)
SELECT name, kind, length, needed, has_default, parent, parent_column, attnum IN (
    SELECT (
        SELECT attnum FROM facts WHERE attnum = ANY(i.indkey)
        ORDER BY parent IS NULL, kind <> 'uuid', kind !~ '^(timestamp|date)',
            kind !~ '^(text|character)', length DESC NULLS FIRST LIMIT 1
    ) FROM pg_index i WHERE i.indrelid = %(table)s::regclass AND i.indisunique
) IS TRUE AS is_new
FROM facts ORDER BY attnum
"""
_OUTBOX: Final = "kafka_bridge_outboxevent"
"""Where it is empty, its service publishes nothing; a made row would be on its way."""
_FIRST: Final = 1_000
"""Rows that are made for a table that has none."""
_FIRST_VALUES: Final = {
    "uuid": ("uuidv7()", "uuidv7()"),
    "timestamp with time zone": ("now()", "now() - copy * interval '1 hour'"),
    "date": ("now()", "now() - copy * interval '1 day'"),
    "text": ("''", "'first-' || copy"),
    "character varying": ("''", "'first-' || copy"),
    "jsonb": ("'{}'", "'{}'"),
    "bytea": ("''", "''"),
    "boolean": ("false", "false"),
    "smallint": ("0", "copy"),
    "integer": ("0", "copy"),
    "bigint": ("0", "copy"),
    "numeric": ("0", "copy"),
}
"""What is put into a column of a made row, as it is, and where it must be new in each."""
_STATUSES: Final = {"subscription": "active", "invoice": "paid"}
"""Of made rows: nothing is left to do about them."""


@dataclass(frozen=True, kw_only=True)
class _Column:
    name: str
    kind: str
    length: int | None
    needed: bool
    has_default: bool
    parent: str | None
    parent_column: str | None
    is_new: bool

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.name)


def rows(url: str) -> dict[str, int]:
    """Return how many rows each table has that grows with the payments."""
    with closing(psycopg2.connect(url)) as connection:
        return _counts(connection)


def multiply(url: str, *, rows: int) -> dict[str, int]:
    """Give each table that grows with the payments so many rows; return how many each has.

    They are copies of those it has, older by a day, with new values where values are unique. A
    table that has none gets some first that say as little as they can. References are to copies
    too, so that no row has all of them.
    """
    with closing(psycopg2.connect(url)) as connection:
        with connection, connection.cursor() as cursor:
            # No triggers: copies hold what theirs look for, and foreign keys by construction.
            cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        for table in _parents_first(connection):
            if table != _OUTBOX:
                _begin(connection, table)
            _copy(connection, table, rows)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        return _counts(connection)


def _begin(connection: Connection, table: str) -> None:
    if _count(connection, table):
        return
    columns = _columns(connection, table)
    given = [column for column in columns if column.needed and not column.has_default]
    for parent in [column.parent for column in given if column.parent]:
        _begin(connection, parent)  # of what a shop offers there may be nothing yet
    _execute(
        connection,
        "INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, %(first)s) AS copy",
        {"first": _FIRST, "status": _STATUSES.get(table.rpartition("_")[2], "succeeded")},
        table=sql.Identifier(table),
        names=_names(given),
        values=sql.SQL(", ").join(map(_first_value, given)),
    )


def _first_value(column: _Column) -> sql.Composable:
    if column.parent and column.parent_column:
        return sql.SQL(
            "(SELECT {key} FROM {parent} OFFSET copy %% (SELECT count(*) FROM {parent}) LIMIT 1)"
        ).format(key=sql.Identifier(column.parent_column), parent=sql.Identifier(column.parent))
    if column.name == "status":
        return sql.SQL("%(status)s")
    return sql.SQL(_FIRST_VALUES[column.kind][column.is_new])


def _copy(connection: Connection, table: str, rows: int) -> None:
    there = _count(connection, table)
    if not 0 < there < rows:
        return
    columns = _columns(connection, table)
    growing = set(_tables(connection))
    references = [column for column in columns if column.parent in growing - {table}]
    _execute(
        connection,
        "INSERT INTO {table} ({names}) SELECT {values} FROM ("
        " SELECT old.*, copy, row_number() OVER () AS place"
        " FROM {table} AS old, generate_series(1, %(copies)s) AS copy LIMIT %(missing)s"
        ") AS old {parents} ON CONFLICT DO NOTHING",
        {"copies": -(-rows // there) - 1, "missing": rows - there, "rows": rows},
        table=sql.Identifier(table),
        names=_names(columns),
        values=sql.SQL(", ").join(
            _of_parent(column) if column in references else _value(table, column)
            for column in columns
        ),
        parents=sql.SQL(" ").join(_parents(table, column) for column in references),
    )


def _value(table: str, column: _Column) -> sql.Composable:
    old = sql.SQL("old.") + column.identifier
    is_moment = column.kind.startswith(("timestamp", "date"))
    if is_moment and column.is_new:  # before the first there is
        return sql.SQL(
            "{old} - copy * (SELECT max({column})::timestamp - min({column})::timestamp"
            " + interval '1 day' FROM {table})"
        ).format(old=old, column=column.identifier, table=sql.Identifier(table))
    if is_moment:
        return old + sql.SQL(" - interval '1 day'")
    if not column.is_new:
        return old
    if column.kind == "uuid":
        return sql.SQL("uuidv7(interval '-2 days')")
    if column.kind.startswith(("text", "character")):
        # The same for the same text, so that what belongs together does so as copies.
        new = sql.SQL("copy || '.' || %(rows)s || '-' || ") + old
        return sql.SQL("left({}, {})").format(new, sql.Literal(column.length or 255))
    return old + sql.SQL(" + copy * 1000000000::bigint")


def _of_parent(column: _Column) -> sql.Composable:
    parent = sql.Identifier(f"parent_{column.name}")
    return sql.SQL("CASE WHEN old.{} IS NOT NULL THEN {}.key END").format(column.identifier, parent)


def _parents(table: str, column: _Column) -> sql.Composable:
    """Return a join with the rows that copies refer to, in turn; unused ones if each must be."""
    parent, key = sql.Identifier(column.parent or ""), sql.Identifier(column.parent_column or "")
    unused = sql.SQL("WHERE NOT EXISTS (SELECT FROM {} WHERE {} = parent.{})").format(
        sql.Identifier(table), column.identifier, key
    )
    return sql.SQL(
        "{join} (SELECT {key} AS key, row_number() OVER () - 1 AS place"
        " FROM {parent} AS parent {unused}) AS {name} ON old.{column} IS NOT NULL"
        " AND {name}.place = (old.place - 1) %% greatest(1, (SELECT count(*) FROM {parent}))"
    ).format(
        join=sql.SQL("JOIN" if column.needed else "LEFT JOIN"),
        key=key,
        parent=parent,
        unused=unused if column.is_new else sql.SQL(""),
        name=sql.Identifier(f"parent_{column.name}"),
        column=column.identifier,
    )


def _tables(connection: Connection) -> list[str]:
    return [table for (table,) in _fetched(connection, _TABLES)]


def _parents_first(connection: Connection) -> list[str]:
    tables = _tables(connection)
    graph = {
        table: {column.parent for column in _columns(connection, table)} & set(tables) - {table}
        for table in tables
    }
    return [table for table in TopologicalSorter(graph).static_order() if table]


def _columns(connection: Connection, table: str) -> list[_Column]:
    found = _fetched(connection, _COLUMNS, {"table": table})
    names = [field.name for field in fields(_Column)]
    return [_Column(**dict(zip(names, row, strict=True))) for row in found]


def _counts(connection: Connection) -> dict[str, int]:
    counts = {table: _count(connection, table) for table in _tables(connection)}
    return {table: count for table, count in counts.items() if count}


def _count(connection: Connection, table: str) -> int:
    counted = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    [(count,)] = _fetched(connection, counted)
    return int(count)


def _names(columns: Iterable[_Column]) -> sql.Composable:
    return sql.SQL(", ").join(column.identifier for column in columns)


def _fetched(
    connection: Connection,
    statement: str | sql.Composable,
    parameters: dict[str, Any] | None = None,
) -> list[tuple[Any, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _execute(
    connection: Connection, statement: str, parameters: dict[str, Any], **parts: sql.Composable
) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(**parts), parameters)
