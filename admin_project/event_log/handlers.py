"""Events that are logged, and nothing more."""

from collections.abc import Sequence

from admin_project.event_log import services
from kafka_bridge.contracts import (
    CardPaymentAnswered,
    CardPaymentRequested,
    Event,
    PaymentStatusUpdated,
    PaymentUpdateRequested,
    SavedCardUpdated,
    SubscriptionRequested,
    SubscriptionUpdateRequested,
    WebhookReceived,
)
from kafka_bridge.handlers import handles, watches_dead_letters
from kafka_bridge.records import Record


@handles(
    CardPaymentRequested,
    PaymentUpdateRequested,
    CardPaymentAnswered,
    PaymentStatusUpdated,
    SavedCardUpdated,
    SubscriptionRequested,
    SubscriptionUpdateRequested,
    WebhookReceived,
)
def log_events(events: Sequence[Event]) -> None:
    """Log the events."""
    services.append(events)


@watches_dead_letters
def log_dead_letters(records: Sequence[Record]) -> None:
    """Log what died, in whatever service, and why."""
    services.append_dead_letters(records)
