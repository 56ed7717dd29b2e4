"""The consumer: from the broker to the inbox. Poll, store, commit the offsets last."""

import threading
import time
from typing import Final

import structlog
from django.conf import settings

from kafka_bridge import inbox, lanes
from kafka_bridge.broker import BrokerConsumer
from kafka_bridge.database import Stopped, until_it_works
from kafka_bridge.handlers import consumed_topics, has_calls
from kafka_bridge.records import Record
from kafka_bridge.settlement import read, settle

logger = structlog.get_logger(__name__)

BATCH: Final = 500
POLL_TIMEOUT: Final = 0.5
"""Seconds a poll waits for a first record; as often, lanes that are due again are worked."""

_BACKLOG_CHECK_INTERVAL: Final = 1.0


class EventConsumer:
    """Receives the events that this service handles, as one member of its consumer group."""

    def __init__(self, *, stop: threading.Event) -> None:
        self._stop = stop
        self._backlog_checked_at = 0.0
        self._lanes_checked_at = 0.0
        group = f"{settings.SERVICE_NAME}-service"
        self._broker = BrokerConsumer(group=group, topics=consumed_topics())

    def run(self) -> None:
        """Consume until told to stop. What it cannot explain ends it, with nothing committed."""
        logger.info("consuming", service=settings.SERVICE_NAME)
        working = False
        try:
            while not self._stop.is_set():
                records = self._broker.poll(
                    limit=BATCH,
                    timeout=0 if working else POLL_TIMEOUT,
                    linger=settings.KAFKA_BRIDGE_LINGER,
                )
                opened = 0
                if records:
                    opened = self._store(records)
                    self._broker.commit(records)
                if has_calls():
                    self._mind_the_backlog()
                else:
                    working = self._work_lanes(now=working or opened > 0)
        except Stopped:
            pass
        finally:
            self._broker.close()

    def _store(self, records: list[Record]) -> int:
        opened = until_it_works(lambda: inbox.receive(records), stop=self._stop)
        if opened and has_calls():
            from kafka_bridge import tasks  # noqa: PLC0415 - Celery, which others do without

            tasks.wake_workers(lanes=opened)
        return opened

    def _work_lanes(self, *, now: bool) -> bool:
        if not now and time.monotonic() < self._lanes_checked_at + POLL_TIMEOUT:
            return False
        self._lanes_checked_at = time.monotonic()
        return until_it_works(work_due_lanes, stop=self._stop) > 0

    def _mind_the_backlog(self) -> None:
        """Leave records with the broker while the workers are too far behind."""
        if time.monotonic() < self._backlog_checked_at + _BACKLOG_CHECK_INTERVAL:
            return
        self._backlog_checked_at = time.monotonic()
        limit = settings.KAFKA_BRIDGE_PENDING_LIMIT
        full = until_it_works(lambda: inbox.has_pending(limit), stop=self._stop)
        if full and not self._broker.paused:
            logger.warning("consumption_paused", pending_limit=limit)
            self._broker.pause()
        elif self._broker.paused and not full:
            logger.info("consumption_resumed")
            self._broker.resume()


def work_due_lanes() -> int:
    """Handle a batch of what lanes hold that is due: for handlers without I/O. Returns its size."""
    claims = lanes.claim(BATCH)
    if claims:
        settle([read(claim) for claim in claims])
    return len(claims)
