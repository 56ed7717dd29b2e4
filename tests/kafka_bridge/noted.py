"""An event of the tests' own, its records, and a handler whose every effect is a row."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

import orjson
from django.db import connection, transaction

from kafka_bridge.consumer import work_due_lanes
from kafka_bridge.contracts import Event, Topic
from kafka_bridge.contracts.base import MinorUnits
from kafka_bridge.handlers import Answered
from kafka_bridge.models import InboxEvent, Lane, OutboxEvent
from kafka_bridge.records import Record

TABLE = "tests_effect"
_QUEUES = tuple(model._meta.db_table for model in (InboxEvent, OutboxEvent, Lane))
_MADE_BY_MIGRATIONS = {"django_migrations", "django_content_type", "auth_permission"}


class Noted(Event):
    """Something with a number, so that order shows. Lent the topic of another event."""

    topic: ClassVar = Topic.WEBHOOK_PROCESSED

    event_type: Literal[Topic.WEBHOOK_PROCESSED] = Topic.WEBHOOK_PROCESSED
    source: str = "tests"
    number: int = 0
    amount: MinorUnits = 1


DEAD_LETTERS = Noted.topic.dead_letter_topic

_offsets = itertools.count()


def noted(key: str = "c1", number: int = 0) -> Noted:
    return Noted(customer_id=key, number=number)


def record_of(event: Event, *, partition: int = 0, offset: int | None = None) -> Record:
    return Record(
        topic=event.topic,
        partition=partition,
        offset=next(_offsets) if offset is None else offset,
        key=event.customer_id.encode(),
        value=event.to_json(),
        headers={},
    )


def record_with(
    value: bytes | None, *, key: bytes | None = b"c1", headers: Mapping[str, str] | None = None
) -> Record:
    """A record of Noted's topic that holds whatever it is given."""
    return Record(
        topic=Noted.topic,
        partition=0,
        offset=next(_offsets),
        key=key,
        value=value,
        headers=dict(headers or {}),
    )


def value_with(**fields: object) -> bytes:
    """A valid value with these fields instead."""
    return orjson.dumps(orjson.loads(noted().to_json()) | fields)


class Ledger:
    """Writes one row for each event it handles, in the bridge's transaction.

    `refuse` is asked about each event first, and what it returns is raised.
    """

    def __init__(self) -> None:
        self.refuse: Callable[[Noted], BaseException | None] = lambda _event: None

    def record(self, events: Sequence[Noted]) -> None:
        assert len({event.customer_id for event in events}) == len(events)
        for event in events:
            if error := self.refuse(event):
                raise error
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {TABLE} (event_id, key, number) "  # noqa: S608 - our own name
                "SELECT * FROM unnest(%s::uuid[], %s::text[], %s::int[])",
                [
                    [event.event_id for event in events],
                    [event.customer_id for event in events],
                    [event.number for event in events],
                ],
            )

    def record_events(self, events: Sequence[Noted]) -> None:
        """The registered handler, so that a test may replace `record`."""
        self.record(events)

    def record_answers(self, answered: Sequence[Answered[Noted, object]]) -> None:
        self.record([answer.event for answer in answered])

    def numbers(self, key: str = "c1") -> list[int]:
        """The numbers of a key's effects, in the order in which they took place."""
        return self.by_key().get(key, [])

    def by_key(self) -> dict[str, list[int]]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT key, number FROM {TABLE} ORDER BY id")  # noqa: S608
            rows = cursor.fetchall()
        found: dict[str, list[int]] = {}
        for key, number in rows:
            found.setdefault(key, []).append(number)
        return found


class CallingLedger(Ledger):
    """The same after a call, which a test may replace."""

    async def call(self, _event: Noted) -> object:
        return None

    async def answer(self, event: Noted) -> object:
        return await self.call(event)


def create_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {TABLE} "
            "(id bigserial PRIMARY KEY, event_id uuid, key text, number int)"
        )


def empty_queues() -> None:
    """Leave not even dead rows in the bridge's tables, for those who count what is read."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join([TABLE, *_QUEUES])}")


def empty_all_tables() -> None:
    """Do what Django's flush does, without the new files that a TRUNCATE waits for."""
    names = connection.introspection.django_table_names(only_existing=True)
    with transaction.atomic(), connection.cursor() as cursor:
        for name in sorted({TABLE, *names} - _MADE_BY_MIGRATIONS):
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608 - names of our models


def work_until_idle():
    """Handle what lanes hold, until none is due."""
    while work_due_lanes():
        pass
