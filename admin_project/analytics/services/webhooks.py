"""Counting webhooks."""

from collections.abc import Sequence
from datetime import datetime

from admin_project.analytics.latency import bucket_of
from admin_project.analytics.models import WebhookAggregate
from admin_project.analytics.services import sums
from kafka_bridge.contracts import WebhookProcessed

Key = tuple[str, datetime, str, str, int]


def count_webhooks(events: Sequence[WebhookProcessed]) -> None:
    """Count the webhooks by what became of them, and how long after they came."""
    changes = sums.Changes[Key]()
    for event in events:
        lag = bucket_of(event.timestamp - event.received_at)
        for grain, starts_at in sums.starts_of(event.received_at):
            key = (grain, starts_at, event.webhook_event_type, event.outcome, lag)
            changes.add(key, (1,))
    sums.apply(WebhookAggregate, changes)
