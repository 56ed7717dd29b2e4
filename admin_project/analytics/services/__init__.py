"""Keeping facts and sums. Everything follows from the events alone, in whatever order they come."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from admin_project.analytics.services.invoices import record_invoices
from admin_project.analytics.services.payments import record_measurements
from admin_project.analytics.services.subscriptions import record_states
from admin_project.analytics.services.webhooks import count_webhooks
from kafka_bridge.contracts import (
    Event,
    PaymentMeasured,
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionStatusUpdated,
    WebhookProcessed,
)

_RECORDS: Final[dict[type[Event], Callable[[Sequence[Any]], None]]] = {
    PaymentMeasured: record_measurements,
    SubscriptionAnswered: record_states,
    SubscriptionStatusUpdated: record_states,
    SubscriptionPaymentUpdated: record_invoices,
    WebhookProcessed: count_webhooks,
}

RECORDED: Final = frozenset(_RECORDS)
"""The classes of events that something is kept of."""


def record(events: Sequence[Event]) -> None:
    """Add what the events tell. Each event counts, so give it once: the log knows which are new.

    Runs in the caller's transaction.
    """
    batches: dict[Callable[[Sequence[Any]], None], list[Event]] = {}
    for event in events:
        if recorder := _RECORDS.get(type(event)):
            batches.setdefault(recorder, []).append(event)
    for recorder, batch in batches.items():
        recorder(batch)
