"""Kills and cuts between two given lines, without a hook in any of them.

PostgreSQL holds a process where it is wanted: before its commit, by a lock that it has to wait for;
after its commit and before it knows, by a synchronous standby that never answers. Held there, the
process is killed; then PostgreSQL goes on.
https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import psutil
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from devstack.chaos.processes import Processes, ports_of, thaw
from devstack.running import RunningStack
from devstack.waiting import DeadlinePassedError, wait_until

_WAITING: Final = """
SELECT client_port FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = %s AND (%s = '' OR wait_event = %s)
"""
_CUT: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND client_port = ANY(%s) AND wait_event_type IN ('Lock', 'IPC')
"""
_LOCK: Final = ("Lock", "", "")
_COMMITTED: Final = ("IPC", "SyncRep", "SyncRep")
_UNPUBLISHED: Final = """
SELECT id FROM kafka_bridge_outboxevent WHERE published_at IS NULL FOR UPDATE SKIP LOCKED
"""
_LAST_PUBLISHED: Final = "SELECT max(published_at) FROM kafka_bridge_outboxevent"
_HELD: Final = """
SELECT id FROM kafka_bridge_outboxevent
WHERE published_at IS NULL AND created_at < clock_timestamp() - interval '100 ms'
"""
_COMES_WITHIN: Final = 10.0
_HELD_BACK: Final = 0.4
_RESETS_WITHIN: Final = 60.0
_POSTGRES: Final = "postgres"


class Boundaries:
    """Kills programs at the boundaries of their steps.

    Every method raises `DeadlinePassedError` or `psycopg2.Error` if the program did not come by.
    """

    def __init__(self, stack: RunningStack, processes: Processes) -> None:
        self._stack = stack
        self._processes = processes

    def kill(self, program: str, *, after: str) -> float:
        """Kill a program after one of its steps and before the next; return when it was killed.

        `answer`: Stripe has answered, nothing of it is recorded. `poll`: records have come, and are
        not in the inbox. `produce`: records are on their way, and the broker has not acknowledged
        them. `acknowledgement`: it has, and the outbox does not say so. `commit`: it is durable,
        and the process has not been told, so nothing that follows has happened: no offset is
        committed, no request answered.
        """
        after_it = {
            "answer": self._after_the_answer,
            "poll": self._after_the_poll,
            "produce": self._after_the_produce,
            "acknowledgement": self._after_the_acknowledgement,
            "commit": self._after_the_commit,
        }
        return after_it[after](program)

    def cut(self, program: str, *, after: str) -> None:
        """Cut a program's connection to PostgreSQL after one of its steps; the program lives.

        `answer` and `poll`, as in `kill`: its transaction is gone. `commit`: it is durable, and the
        program cannot know that.
        """
        if after == "commit":
            self._at_a_commit(program, _cut)
            return
        tables = {"answer": "payments_payment", "poll": "kafka_bridge_inboxevent"}
        with self._locked(tables[after], program) as cursor:
            _cut(cursor, self._held(cursor, program, _LOCK, seconds=_COMES_WITHIN))

    def lock(self, service: str, *, seconds: float) -> None:
        """Keep a service from its tables for so long: nobody reads or writes them."""
        with self._connected(service) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE kafka_bridge_inboxevent, kafka_bridge_outboxevent")
            cursor.execute("SELECT pg_sleep(%s)", [seconds])

    def _after_the_answer(self, worker: str) -> float:
        return self._kill_writing("payments_payment", worker)

    def _after_the_poll(self, consumer: str) -> float:
        return self._kill_writing("kafka_bridge_inboxevent", consumer)

    def _kill_writing(self, table: str, program: str) -> float:
        with self._locked(table, program) as cursor:
            return self._kill_waiting(cursor, program)

    @contextlib.contextmanager
    def _locked(self, table: str, program: str) -> Iterator[Any]:
        with self._connected(_service_of(program)) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
            yield cursor

    def _after_the_produce(self, relay: str) -> float:
        with self._connected(_service_of(relay)) as connection, connection.cursor() as cursor:
            frozen = self._processes.freeze("kafka")
            try:
                before = _rows(cursor, _LAST_PUBLISHED)
                # Marked, by a relay that does not wait, or held, by one that does.
                wait_until(
                    lambda: _rows(cursor, _LAST_PUBLISHED) != before or _rows(cursor, _HELD),
                    what="something to relay",
                    seconds=_COMES_WITHIN,
                )
                cursor.execute("SELECT pg_sleep(%s)", [_HELD_BACK])
                self._processes.kill(relay)
                return time.time()
            finally:
                thaw(frozen)

    def _after_the_acknowledgement(self, relay: str) -> float:
        with self._connected(_service_of(relay)) as connection, connection.cursor() as cursor:
            frozen = self._processes.freeze(relay)
            try:
                cursor.execute("BEGIN")
                wait_until(
                    lambda: _rows(cursor, _UNPUBLISHED),
                    what="something to relay",
                    seconds=_COMES_WITHIN,
                )
            finally:
                thaw(frozen)
            return self._kill_waiting(cursor, relay)

    def _after_the_commit(self, program: str) -> float:
        return self._at_a_commit(program, lambda _cursor, process: process.kill())

    def _at_a_commit(self, program: str, do: Callable[[Any, psutil.Process], None]) -> float:
        service = "customer" if program == _POSTGRES else _service_of(program)
        deadline = time.monotonic() + _COMES_WITHIN
        while time.monotonic() < deadline:
            # A moment at a time: while nobody learns of a commit, nothing gets to the others.
            with (
                contextlib.suppress(DeadlinePassedError),
                self._no_commit_answered(service) as cursor,
            ):
                do(cursor, self._held(cursor, program, _COMMITTED, seconds=_HELD_BACK))
                return time.time()
            with self._connected(service) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(%s)", [_HELD_BACK])
        raise DeadlinePassedError(f"{program} did not commit")

    def _kill_waiting(self, cursor: Any, program: str) -> float:
        """Kill the process of the program whose connection waits for a lock of ours."""
        self._held(cursor, program, _LOCK, seconds=_COMES_WITHIN).kill()
        return time.time()

    def _held(
        self, cursor: Any, program: str, event: tuple[str, ...], *, seconds: float
    ) -> psutil.Process:
        """Return the process of the program whose connection waits for this event."""

        def held() -> psutil.Process | None:
            waiting = _waiting(cursor, event)
            family = self._processes.family(program)
            if program == _POSTGRES:
                return family[0] if waiting else None
            return next((process for process in family if ports_of(process) & waiting), None)

        process = wait_until(held, what=f"{program} to come by", seconds=seconds)
        assert process is not None  # noqa: S101 - wait_until returns true values only
        return process

    @contextlib.contextmanager
    def _connected(self, service: str) -> Iterator[Connection]:
        """Connect, with transactions begun by hand; what is begun is rolled back in the end."""
        url = self._stack.database_urls[service]
        connection = wait_until(lambda: _connection(url), what="PostgreSQL", every=0.1)
        assert connection is not None  # noqa: S101 - wait_until returns true values only
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'; SET synchronous_commit = local")
        try:
            yield connection
        finally:
            connection.close()

    @contextlib.contextmanager
    def _no_commit_answered(self, service: str) -> Iterator[Any]:
        """Let commits become durable, and have nobody told of them."""
        try:
            with self._connected(service) as connection, connection.cursor() as cursor:
                cursor.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
                cursor.execute("SELECT pg_reload_conf()")
                yield cursor
        finally:
            wait_until(self._answer_commits, what="PostgreSQL", seconds=_RESETS_WITHIN, every=0.1)

    def _answer_commits(self) -> bool:
        try:
            with self._connected("customer") as connection, connection.cursor() as cursor:
                cursor.execute("ALTER SYSTEM RESET synchronous_standby_names")
                cursor.execute("SELECT pg_reload_conf()")
        except psycopg2.OperationalError:  # killed while it answered
            return False
        return True


def _cut(cursor: Any, process: psutil.Process) -> None:
    """Cut those of the process's connections that wait."""
    _rows(cursor, _CUT, (list(ports_of(process)),))


def _connection(url: str) -> Connection | None:
    try:
        connection = psycopg2.connect(url, connect_timeout=5)
    except psycopg2.OperationalError:
        return None  # killed just now, and recovering
    connection.autocommit = True
    return connection


def _service_of(program: str) -> str:
    return program.partition("-")[0]


def _waiting(cursor: Any, event: tuple[str, ...]) -> set[int]:
    """Return the client ports of the connections that wait for this event."""
    cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees what it saw first
    return {port for (port,) in _rows(cursor, _WAITING, event)}


def _rows(cursor: Any, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    cursor.execute(query, parameters)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
