"""The way of one payment through the system, read from the three databases."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg2
import psycopg2.extras

from devstack.running import RunningStack
from devstack.services import SERVICES

REQUEST_TOPIC = "stripe.payment.request"
RESULT_TOPIC = "payment.card.result"

_OUTBOX = (
    "SELECT event_id::text, topic, key, correlation_id::text, created_at, published_at"
    " FROM kafka_bridge_outboxevent"
)
_INBOX = (
    'SELECT event_id::text, topic, partition, "offset", correlation_id::text, received_at,'
    " handled_at, dead_at FROM kafka_bridge_inboxevent"
)

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One step of an event: written or published by a service, received or handled by another.

    `milliseconds` counts from the moment the API accepted the payment.
    """

    milliseconds: float
    service: str
    step: str
    topic: str
    event_id: str
    partition: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        where = "" if self.partition is None else f"  partition {self.partition} @ {self.offset}"
        return (
            f"{self.milliseconds:8.1f} ms  {self.service:<8} {self.step:<9} {self.topic:<22}"
            f" {self.event_id}{where}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the hop's fields that have a value."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Trace:
    """Outboxes and inboxes of the three services, by correlation id."""

    def __init__(self, stack: RunningStack) -> None:
        self._connections = {
            service: psycopg2.connect(stack.database_urls[service]) for service in SERVICES
        }
        for connection in self._connections.values():
            connection.autocommit = True

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()

    def rows(self, service: str, query: str, parameters: tuple[Any, ...] = ()) -> list[Row]:
        """Return a query's rows in a service's database."""
        factory = psycopg2.extras.RealDictCursor
        with self._connections[service].cursor(cursor_factory=factory) as cursor:
            cursor.execute(query, parameters)
            return [dict(row) for row in cursor]

    def outbox(self, service: str, correlation_ids: list[str]) -> list[Row]:
        """Return a service's outbox rows of these correlations, oldest first."""
        where = " WHERE correlation_id = ANY(%s::uuid[]) ORDER BY id"
        return self.rows(service, _OUTBOX + where, (correlation_ids,))

    def inbox(self, service: str, correlation_ids: list[str]) -> list[Row]:
        """Return a service's inbox rows of these correlations, oldest first."""
        where = " WHERE correlation_id = ANY(%s::uuid[]) ORDER BY id"
        return self.rows(service, _INBOX + where, (correlation_ids,))

    def hops(self, correlation_id: str) -> list[Hop]:
        """Return the steps of one payment in the order of time."""
        correlation = str(UUID(correlation_id))
        found: list[tuple[datetime, dict[str, Any]]] = []
        for service in SERVICES:
            for row in self.outbox(service, [correlation]):
                found += _steps(row, service, written="created_at", published="published_at")
            for row in self.inbox(service, [correlation]):
                found += _steps(
                    row, service, received="received_at", handled="handled_at", dead="dead_at"
                )
        found.sort(key=lambda step: step[0])
        return [
            Hop(milliseconds=_milliseconds(found[0][0], moment), **fields)
            for moment, fields in found
        ]

    def latencies(self, correlation_ids: list[str]) -> list[float]:
        """Return, for each payment that got there, the milliseconds from accepted to answered.

        From the customer service's outbox row, written with the payment, to the moment its inbox
        marks the result handled, written with the payment's new state.
        """
        accepted = {
            row["correlation_id"]: row["created_at"]
            for row in self.outbox("customer", correlation_ids)
            if row["topic"] == REQUEST_TOPIC
        }
        return [
            _milliseconds(accepted[row["correlation_id"]], row["handled_at"])
            for row in self.inbox("customer", correlation_ids)
            if row["topic"] == RESULT_TOPIC and row["handled_at"]
        ]


def _steps(row: Row, service: str, **columns: str) -> list[tuple[datetime, dict[str, Any]]]:
    """Return the steps that a row's filled columns tell of."""
    fields = {"service": service, "topic": row["topic"], "event_id": row["event_id"]}
    if "partition" in row:
        fields |= {"partition": row["partition"], "offset": row["offset"]}
    return [
        (row[column], {**fields, "step": step}) for step, column in columns.items() if row[column]
    ]


def _milliseconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds() * 1000, 2)


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that this share of the values does not exceed."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]
