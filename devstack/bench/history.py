"""A long history: every row of a service's large tables again and again, with ids of their own."""

from typing import Final

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

_TABLES: Final = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND relname ~ '^(payments|kafka_bridge|event_log|analytics)_'
"""
_COLUMNS: Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attidentity <> '' AS counted, EXISTS (
    SELECT FROM pg_index i
    WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY(i.indkey)
        AND NOT EXISTS (
            SELECT FROM pg_constraint c WHERE c.contype = 'f' AND a.attnum = ANY(c.conkey)
                AND c.conrelid = a.attrelid
        )
) AS is_unique
FROM pg_attribute a
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
"""
_LEAST: Final = 500
"""Rows that a table must have to be one that grows with the payments."""


def multiply(url: str, *, rows: int) -> dict[str, int]:
    """Give each table that grows with the payments so many rows; return how many each has.

    They are copies of those it has, older by a day, with new values where values are unique.
    """
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_TABLES)
            tables = [name for (name,) in cursor]
        counts = {table: _multiply(connection, table, rows) for table in tables}
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        return {table: count for table, count in counts.items() if count}
    finally:
        connection.close()


def _multiply(connection: Connection, table: str, rows: int) -> int:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
        (there,) = cursor.fetchone() or (0,)
        if not _LEAST <= there < rows:
            return there if there >= rows else 0
        cursor.execute(_COLUMNS, [table])
        columns = [column for column in cursor.fetchall() if not column[2]]
        copies = -(-rows // there) - 1
        cursor.execute(
            sql.SQL(
                "INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS old,"
                " generate_series(1, %s) AS copy ON CONFLICT DO NOTHING"
            ).format(
                table=sql.Identifier(table),
                names=sql.SQL(", ").join(sql.Identifier(name) for name, *_ in columns),
                values=sql.SQL(", ").join(_value(*column) for column in columns),
            ),
            [copies],
        )
        return int(there + cursor.rowcount)


def _value(name: str, kind: str, _counted: bool, is_unique: bool) -> sql.Composable:
    old = sql.SQL("old.") + sql.Identifier(name)
    if is_unique and kind == "uuid":
        return sql.SQL("uuidv7(interval '-2 days')")
    if is_unique and kind.startswith("character"):
        return sql.SQL("left({} || '-' || copy || '-' || random()::text, 255)").format(old)
    if kind.startswith("timestamp"):
        return sql.SQL("{} - interval '1 day'").format(old)
    return old
