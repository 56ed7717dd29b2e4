"""The relay: from the outbox to the broker, each key in order, none marked unacknowledged."""

import math
import random
import select
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson
import structlog
from django.db import connection, transaction

from kafka_bridge.broker import BrokerProducer, Produced
from kafka_bridge.database import Stopped, until_it_works
from kafka_bridge.outbox import CHANNEL, SHARDS
from kafka_bridge.records import OutgoingRecord
from kafka_bridge.retention import purge

logger = structlog.get_logger(__name__)

BATCH: Final = 500
DELIVERY_TIMEOUT: Final = 30.0
"""Seconds a batch may take before its transaction lets go of its shards."""
POLL_INTERVAL: Final = 1.0
"""Seconds between looks at the outbox when no notification comes."""
_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0
"""Seconds after which a topic whose broker did not answer is tried again."""
_LONGEST_WAIT_OF_REFUSED: Final = 60.0
"""The same for a topic that the broker does not have, or not for us: people must change that."""

_PURGE_EVERY: Final = 60.0

_SHARD_LOCKS: Final = 0x0B0A
_PRESENCE_LOCK: Final = 0x0B0B

# A bitmap scan of the unpublished reads all that left since the last vacuum, each time. A plain one
# of the index marks their entries as dead, and passes over them.
_PLAIN_SCANS: Final = "SET LOCAL enable_bitmapscan = off"
_LOCK_SHARDS: Final = """
SELECT shard FROM unnest(%s::int[]) AS shard WHERE pg_try_advisory_xact_lock(%s, shard)
"""
_SELECT: Final = """
SELECT id, topic, key, value, headers FROM kafka_bridge_outboxevent
WHERE published_at IS NULL AND shard = ANY(%s) AND topic <> ALL(%s) ORDER BY id LIMIT %s
"""
_MARK: Final = """
UPDATE kafka_bridge_outboxevent SET published_at = clock_timestamp() WHERE id = ANY(%s)
"""
_COUNT_RELAYS: Final = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = %s AND objid = 0
"""


class OutboxRow(NamedTuple):
    """An unpublished row of the outbox."""

    id: int
    topic: str
    key: str
    value: memoryview
    headers: str
    """JSON: Django has psycopg2 leave it as text."""


class Delay(NamedTuple):
    """Until when, on the monotonic clock, a topic is left out, and for how many seconds it was."""

    until: float
    seconds: float


class Relay:
    """Publishes what the outbox holds, together with the other relays of the same database.

    A shard's rows are taken by one relay at a time, under an advisory lock that ends with the
    batch's transaction. Relays count each other by a shared advisory lock and take their part.
    A topic that does not take its records waits, longer each time, and the others go on.
    """

    def __init__(self, *, stop: threading.Event) -> None:
        self._stop = stop
        self._producer = BrokerProducer()
        self._listening: Any = None
        self._share = SHARDS
        self._share_known_until = 0.0
        self._purge_at = 0.0
        self._delays: dict[str, Delay] = {}
        self._saw_all = False
        """Whether its last look found all there was for it: what comes later notifies."""

    def run(self) -> None:
        """Relay until told to stop, whatever becomes of the broker and the database meanwhile."""
        while not self._stop.is_set():
            try:
                published = until_it_works(self.relay_batch, stop=self._stop)
                if not published or self._saw_all:
                    self._purge_sometimes()
                    until_it_works(self._wait_for_events, stop=self._stop)
            except Stopped:
                return

    def relay_batch(self) -> int:
        """Produce one batch, wait for the broker's answers, mark what it has. Returns how much."""
        self._listen()
        share = self._fair_share()
        published = self._relay_shards(share)
        if not published and share < SHARDS:
            published = self._relay_shards(SHARDS)  # whatever the others leave
        return published

    def _relay_shards(self, count: int) -> int:
        first = random.randrange(SHARDS)  # noqa: S311 - so that no shard is always last
        wanted = [(first + number) % SHARDS for number in range(count)]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"{_PLAIN_SCANS}; {_LOCK_SHARDS}", [wanted, _SHARD_LOCKS])
            shards = [shard for (shard,) in cursor.fetchall()]
            cursor.execute(_SELECT, [shards, self._delayed_topics(), BATCH])
            rows = [OutboxRow(*row) for row in cursor.fetchall()]
            self._saw_all = count == SHARDS and len(rows) < BATCH
            if not rows:
                return 0
            produced = self._producer.produce(
                [
                    OutgoingRecord(row.topic, row.key, bytes(row.value), orjson.loads(row.headers))
                    for row in rows
                ],
                timeout=DELIVERY_TIMEOUT,
            )
            published = [rows[position].id for position in produced.acknowledged]
            cursor.execute(_MARK, [published])
        self._delay_topics(rows, produced)
        return len(published)

    def _delayed_topics(self) -> list[str]:
        now = time.monotonic()
        return [topic for topic, delay in self._delays.items() if delay.until > now]

    def _delay_topics(self, rows: Sequence[OutboxRow], produced: Produced) -> None:
        missing: dict[str, str] = {}
        for position, row in enumerate(rows):
            if position not in produced.acknowledged:
                missing.setdefault(row.topic, produced.refused.get(position, ""))
        for topic in {row.topic for row in rows} - missing.keys():
            self._delays.pop(topic, None)
        for topic, refusal in missing.items():
            longest = _LONGEST_WAIT_OF_REFUSED if refusal else _LONGEST_WAIT
            before = self._delays.get(topic)
            seconds = min(before.seconds * 2, longest) if before else _FIRST_WAIT
            self._delays[topic] = Delay(time.monotonic() + seconds, seconds)
            error = refusal or "no answer from the broker"
            logger.warning("topic_delayed", topic=topic, error=error, retry_in=seconds)

    def _fair_share(self) -> int:
        if time.monotonic() > self._share_known_until:
            self._share = math.ceil(SHARDS / max(1, self._count_relays()))
            self._share_known_until = time.monotonic() + POLL_INTERVAL
        return self._share

    def _count_relays(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT_RELAYS, [_PRESENCE_LOCK])
            (count,) = cursor.fetchone()
        return int(count)

    def _listen(self) -> None:
        connection.ensure_connection()
        if self._listening is connection.connection:
            return
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
            cursor.execute("SELECT pg_advisory_lock_shared(%s, 0)", [_PRESENCE_LOCK])
        self._listening = connection.connection

    def _purge_sometimes(self) -> None:
        if time.monotonic() > self._purge_at and not until_it_works(purge, stop=self._stop):
            self._purge_at = time.monotonic() + _PURGE_EVERY

    def _wait_for_events(self) -> None:
        raw = connection.connection
        if raw is None:  # lost while it waited: the next batch connects, and listens, anew
            return
        with connection.wrap_database_errors:
            raw.poll()  # takes what came with the answers before: select() would not see it
            if not raw.notifies:
                select.select([raw], [], [], POLL_INTERVAL)
                raw.poll()
            raw.notifies.clear()
