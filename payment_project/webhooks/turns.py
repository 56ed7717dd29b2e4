"""Reading an object once for all the webhooks that tell of it at the same time."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.conf import settings

from kafka_bridge.database import read_in_thread
from kafka_bridge.handlers import current_delivery
from payment_project.webhooks import selectors

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What was read of an object, and from when on nothing newer can have been missed."""

    object_id: str
    news: T
    at: datetime


@dataclass(frozen=True, slots=True)
class Covered:
    """The object was read, and applied, after this webhook had come: it knows nothing newer."""


async def once(object_id: str, fetch: Callable[[], Awaitable[T]]) -> Read[T] | Covered:
    """Fetch an object for a webhook, at most once a second and object.

    Nothing that was read is kept, so nothing older than what is recorded is ever applied. Webhooks
    that came before the last read are covered by it; one that came after it waits until a second
    has passed, so that the next read covers those that follow on its heels as well.

    Raises:
        TryLater: the database is away. And what `fetch` raises.
    """
    ask = functools.partial(selectors.last_read, object_id)
    now, read_at = await read_in_thread(ask)
    if read_at is not None:
        if read_at > current_delivery().received_at:
            return Covered()
        wait = read_at + timedelta(seconds=settings.WEBHOOK_READ_INTERVAL) - now
        if wait > timedelta(0):
            await asyncio.sleep(wait.total_seconds())
            now += wait
    return Read(object_id, await fetch(), now)
