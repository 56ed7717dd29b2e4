"""Taking turns to look at an object at Stripe."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

from django.conf import settings
from django.db import connection

from kafka_bridge import bulk
from kafka_bridge.database import read_in_thread
from kafka_bridge.errors import TryLater
from kafka_bridge.handlers import current_delivery
from kafka_bridge.retention import purges
from payment_project.turns.models import ObjectRead

T = TypeVar("T")

_PATIENCE: Final = 5
"""How many turns of others somebody waits for, before the lane does."""

# Whoever would begin at the same time waits for the row's lock, and then finds it taken. A row of
# the future is of a time when the database's clock was ahead.
_TAKE: Final = """
WITH covered AS (
    SELECT FROM turns_objectread WHERE object_id = %(about)s
    AND covers_until > %(came_at)s AND covers_until <= clock_timestamp()
), turn AS (
    INSERT INTO turns_objectread AS kept (object_id, begun_at, covers_until)
    SELECT %(object_id)s, clock_timestamp(), 'epoch' WHERE NOT EXISTS (SELECT FROM covered)
    ON CONFLICT (object_id) DO UPDATE SET begun_at = clock_timestamp(),
        covers_until = CASE WHEN kept.covers_until > clock_timestamp() THEN 'epoch'
            ELSE kept.covers_until END
    WHERE kept.begun_at NOT BETWEEN clock_timestamp() - %(interval)s::interval AND clock_timestamp()
    RETURNING kept.begun_at
)
SELECT EXISTS (SELECT FROM covered), (SELECT begun_at FROM turn), (
    SELECT begun_at + %(interval)s::interval - clock_timestamp() FROM turns_objectread
    WHERE object_id = %(object_id)s
)
"""
purges(
    """
    DELETE FROM turns_objectread WHERE object_id IN (
        SELECT object_id FROM turns_objectread
        WHERE begun_at NOT BETWEEN clock_timestamp() - least(%s::interval, interval '1 day')
            AND clock_timestamp()
        LIMIT %s FOR UPDATE SKIP LOCKED
    )
    """
)


class Look(NamedTuple):
    """A look at an object: for the sake of what, since when, and what else was seen."""

    object_id: str
    about: str
    at: datetime
    """By the database's clock, before anything was fetched."""
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What was read of an object; `look` is None if something was done to it instead."""

    news: T
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Covered:
    """The object was read, and that was recorded, after this had come: it knows nothing newer."""


class _Turn(NamedTuple):
    is_covered: bool
    begun_at: datetime | None
    wait: timedelta | None


async def once(
    object_id: str, fetch: Callable[[], Awaitable[T]], *, about: str = ""
) -> Read[T] | Covered:
    """Fetch an object for the event in hand, at most once a second, whoever else wants to.

    Nothing that was read is kept, so nothing older than what is recorded is ever applied. Whoever
    came before a look began that was made use of (`cover`) is covered by it. Whoever came after
    it waits until a second has passed, so that the next look covers those on its heels as well.

    What is seen with an object, as an invoice with its subscription, is fetched in the object's
    turn: `about` is what the event is about, if it is such a part.

    Raises:
        TryLater: others look at it all the time, or the database is away. And what `fetch` raises.
    """
    take = functools.partial(
        _take_turn, object_id, about=about or object_id, came_at=current_delivery().received_at
    )
    for _ in range(_PATIENCE):
        turn = await read_in_thread(take)
        if turn.is_covered:
            return Covered()
        if turn.begun_at:
            return Read(await fetch(), Look(object_id, about or object_id, turn.begun_at))
        wait = turn.wait.total_seconds() if turn.wait else 0.0
        await asyncio.sleep(min(wait, settings.WEBHOOK_READ_INTERVAL))
    raise TryLater(f"others look at {object_id}", seconds=settings.WEBHOOK_READ_INTERVAL)


def cover(looks: Iterable[Look | None]) -> None:
    """Note that what was seen is recorded, or passed on, with the transaction that does so."""
    seen: dict[str, datetime] = {}
    for look in filter(None, looks):
        for object_id in (look.object_id, look.about, *look.parts):
            seen[object_id] = max(look.at, seen.get(object_id, look.at))
    rows = [
        ObjectRead(object_id=object_id, begun_at=at, covers_until=at)
        for object_id, at in sorted(seen.items())
    ]
    bulk.upsert_newer(rows, version="covers_until", keep=["begun_at"])


def _take_turn(object_id: str, *, about: str, came_at: datetime) -> _Turn:
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE,
            {
                "object_id": object_id,
                "about": about,
                "came_at": came_at,
                "interval": str(timedelta(seconds=settings.WEBHOOK_READ_INTERVAL)),
            },
        )
        return _Turn(*cursor.fetchone())
