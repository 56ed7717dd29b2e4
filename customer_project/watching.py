"""Waiting for a row's next revision: long polls."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Model

logger = structlog.get_logger(__name__)

LOOK_EVERY: Final = 0.05
"""Seconds between two looks: a quarter of what people notice."""


@dataclass(eq=False)
class _Wait:
    id: UUID
    beyond: int
    changed: threading.Event = field(default_factory=threading.Event)


class RevisionWatch:
    """Requests of this process that wait for rows of a model whose `field` rises with news.

    One thread looks for all of them, with one query of primary keys, for as long as somebody waits.
    Nothing is written or notified for their sake, so waiting costs the consumers nothing.
    """

    def __init__(self, model: type[Model], *, field: str = "revision") -> None:
        self.field = field
        self._rows = model._default_manager  # noqa: SLF001 - Django's API
        self._waits: set[_Wait] = set()
        self._lock = threading.Lock()
        self._looking = False

    def wait(self, row_id: UUID, *, beyond: int, seconds: float) -> bool:
        """Wait until the row's revision is higher than `beyond`, or the time is over.

        Returns at once if LONG_POLLS requests wait already: the web server's other threads are for
        those who do not. Tells whether the revision is known to be higher.
        """
        wait = _Wait(row_id, beyond)
        with self._registered(wait) as registered:
            return registered and wait.changed.wait(seconds)

    @contextmanager
    def _registered(self, wait: _Wait) -> Iterator[bool]:
        with self._lock:
            registered = len(self._waits) < settings.LONG_POLLS
            if registered:
                self._waits.add(wait)
                if not self._looking:
                    self._looking = True
                    threading.Thread(target=self._look, name="watch", daemon=True).start()
        try:
            yield registered
        finally:
            with self._lock:
                self._waits.discard(wait)

    def _look(self) -> None:
        pause = threading.Event()
        try:
            while waits := self._waiting():
                self._tell(waits)
                pause.wait(LOOK_EVERY)
        finally:
            connection.close()

    def _waiting(self) -> list[_Wait]:
        """Return who waits; if nobody does, the thread is over, and the next one starts another."""
        with self._lock:
            self._looking = bool(self._waits)
            return list(self._waits)

    def _tell(self, waits: list[_Wait]) -> None:
        ids = {wait.id for wait in waits}
        try:
            revisions: dict[Any, int] = dict(
                self._rows.filter(pk__in=ids).values_list("pk", self.field)
            )
        except (OperationalError, InterfaceError) as error:
            logger.warning("watch_interrupted", error=str(error).strip())
            connection.close()
            return
        for wait in waits:
            if revisions.get(wait.id, 0) > wait.beyond:
                wait.changed.set()
