"""Events that are counted."""

from collections.abc import Sequence

from admin_project.analytics import services
from admin_project.event_log import services as event_log
from kafka_bridge.contracts import (
    Event,
    PaymentMeasured,
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionStatusUpdated,
    WebhookProcessed,
)
from kafka_bridge.handlers import handles


@handles(
    PaymentMeasured,
    SubscriptionAnswered,
    SubscriptionStatusUpdated,
    SubscriptionPaymentUpdated,
    WebhookProcessed,
)
def count(events: Sequence[Event]) -> None:
    """Log the events, and count those that the log did not have."""
    services.record(event_log.append(events))
