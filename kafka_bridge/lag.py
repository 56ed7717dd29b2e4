"""How far this service is behind: what the broker still has for it, and what waits in its inbox."""

from dataclasses import dataclass

from django.conf import settings

from kafka_bridge import broker
from kafka_bridge.handlers import consumed_topics
from kafka_bridge.selectors import InboxBacklog, inbox_backlog


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """A partition on its way through this service. None is what the broker did not tell."""

    topic: str
    partition: int
    end: int | None
    committed: int | None
    lag: int | None
    pending: int
    parked: int
    """Of the pending: those in a lane that waits for a retry."""
    dead: int


def partition_lags(*, timeout: float) -> tuple[list[PartitionLag], str]:
    """Measure every partition this service consumes, and those it has events of.

    Returns them with the reason why the broker's offsets are unknown, empty if they are not.
    """
    problem = ""
    offsets: dict[tuple[str, int], broker.PartitionOffsets] = {}
    try:
        offsets = broker.group_offsets(
            group=f"{settings.SERVICE_NAME}-service",
            topics=consumed_topics(),
            timeout=timeout,
        )
    except broker.BrokerError as error:
        problem = f"Kafka at {settings.KAFKA_BOOTSTRAP_SERVERS}: {error}"
    backlogs = {(backlog.topic, backlog.partition): backlog for backlog in inbox_backlog()}
    return [
        _partition_lag(
            offsets.get(key) or broker.PartitionOffsets(*key, end=None, committed=None),
            backlogs.get(key) or InboxBacklog(*key, pending=0, parked=0, dead=0),
        )
        for key in sorted({**offsets, **backlogs})
    ], problem


def _partition_lag(offsets: broker.PartitionOffsets, backlog: InboxBacklog) -> PartitionLag:
    return PartitionLag(
        topic=offsets.topic,
        partition=offsets.partition,
        end=offsets.end,
        committed=offsets.committed,
        lag=offsets.lag,
        pending=backlog.pending,
        parked=backlog.parked,
        dead=backlog.dead,
    )
