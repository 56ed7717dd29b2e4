"""Events that are logged, and nothing more."""

from collections.abc import Sequence

from admin_project.event_log import services
from kafka_bridge.contracts import (
    BalanceTransactionRecorded,
    CardPaymentAnswered,
    CardPaymentRequested,
    Event,
    PaymentStatusUpdated,
    PaymentUpdateRequested,
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionRequested,
    SubscriptionStatusUpdated,
    SubscriptionUpdateRequested,
    WebhookProcessed,
)
from kafka_bridge.handlers import handles


@handles(
    CardPaymentRequested,
    PaymentUpdateRequested,
    CardPaymentAnswered,
    PaymentStatusUpdated,
    SubscriptionRequested,
    SubscriptionUpdateRequested,
    SubscriptionAnswered,
    SubscriptionStatusUpdated,
    SubscriptionPaymentUpdated,
    BalanceTransactionRecorded,
    WebhookProcessed,
)
def log_events(events: Sequence[Event]) -> None:
    """Log the events."""
    services.append(events)
