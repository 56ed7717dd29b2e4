"""Events that are logged, and nothing more."""

from collections.abc import Sequence

from admin_project.event_log import services
from kafka_bridge.contracts import (
    CardPaymentAnswered,
    CardPaymentRequested,
    Event,
    PaymentStatusUpdated,
    PaymentUpdateRequested,
    WebhookProcessed,
)
from kafka_bridge.handlers import handles


@handles(
    CardPaymentRequested,
    PaymentUpdateRequested,
    CardPaymentAnswered,
    PaymentStatusUpdated,
    WebhookProcessed,
)
def log_events(events: Sequence[Event]) -> None:
    """Log the events."""
    services.append(events)
