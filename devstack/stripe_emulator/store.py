"""Objects, idempotent answers and deliveries in SQLite.

One writer, one transaction a request. In WAL mode without fsync a commit is in the page cache of
the operating system before the answer leaves, so it survives the death of this process (not of
the machine). Nothing is kept in memory, so the ten-thousandth object costs what the first one did.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from devstack.stripe_emulator.errors import StripeObject

_SCHEMA = """
create table if not exists object (
    seq integer primary key autoincrement,
    id text not null unique,
    kind text not null,
    created integer not null,
    body blob not null
);
create index if not exists object_kind on object (kind, seq);
create table if not exists reference (
    field text not null,
    value text not null,
    seq integer not null,
    primary key (field, value, seq)
) without rowid;
create table if not exists idempotency_key (
    key text primary key,
    fingerprint blob not null,
    status integer not null,
    body blob not null,
    created integer not null
) without rowid;
create table if not exists delivery (
    id integer primary key,
    event text not null,
    webhook_endpoint text not null,
    attempts integer not null,
    due_at real
);
create index if not exists delivery_due on delivery (due_at) where due_at is not null;
create index if not exists delivery_event on delivery (event);
create table if not exists setting (name text primary key, value text not null);
create table if not exists scheduled (
    id integer primary key,
    due_at real not null,
    action text not null,
    object text not null,
    arguments blob not null
);
create index if not exists scheduled_due on scheduled (due_at);
"""

Row = tuple[Any, ...]


class Store:
    """The database file. `path` may be `:memory:`, which forgets everything."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = off")
        self._db.execute("pragma wal_autocheckpoint = 4000")
        self._db.execute("pragma cache_size = -16000")  # in KiB, the minus sign says
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file, folding the write-ahead log into it."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block writes, or nothing of it."""
        self._db.execute("begin")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        return self._db.execute(sql, tuple(parameters)).fetchall()

    def iterate(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[Row]:
        """Run a statement and yield its rows without holding them all."""
        yield from self._db.execute(sql, tuple(parameters))

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        return self._db.execute(sql, tuple(parameters)).rowcount

    def setting(self, name: str, default: str) -> str:
        """Return a setting of the account."""
        rows = self.rows("select value from setting where name = ?", (name,))
        return str(rows[0][0]) if rows else default

    def change_setting(self, name: str, value: str) -> None:
        """Change a setting of the account."""
        self.execute("insert or replace into setting (name, value) values (?, ?)", (name, value))

    def find(self, object_id: str) -> tuple[int, StripeObject] | None:
        """Return an object and its place in the order of creation."""
        row = self._db.execute("select seq, body from object where id = ?", (object_id,)).fetchone()
        return (row[0], orjson.loads(row[1])) if row else None

    def insert(self, stripe_object: StripeObject, *, created: int) -> int:
        """Store a new object and return its place in the order of creation."""
        cursor = self._db.execute(
            "insert into object (id, kind, created, body) values (?, ?, ?, ?)",
            (
                stripe_object["id"],
                stripe_object["object"],
                created,
                orjson.dumps(stripe_object),
            ),
        )
        seq = cursor.lastrowid
        if seq is None:
            raise RuntimeError("SQLite gave an inserted row no id")
        return seq

    def update(self, seq: int, stripe_object: StripeObject) -> None:
        """Store an object again, as it is now."""
        self._db.execute(
            "update object set body = ? where seq = ?", (orjson.dumps(stripe_object), seq)
        )

    def refer(self, seq: int, *, old: set[tuple[str, str]], new: set[tuple[str, str]]) -> None:
        """Index an object under (field, value), and no more under what it no longer holds."""
        if gone := old - new:
            self._db.executemany(
                "delete from reference where field = ? and value = ? and seq = ?",
                [(field, value, seq) for field, value in gone],
            )
        if added := new - old:
            self._db.executemany(
                "insert into reference (field, value, seq) values (?, ?, ?)",
                [(field, value, seq) for field, value in added],
            )
