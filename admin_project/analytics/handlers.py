"""Events that are counted."""

from collections.abc import Sequence

from admin_project.analytics import services
from admin_project.event_log import services as event_log
from kafka_bridge.contracts import PaymentMeasured
from kafka_bridge.handlers import handles


@handles(PaymentMeasured)
def count_payments(events: Sequence[PaymentMeasured]) -> None:
    """Log the measurements and keep the newest of each payment."""
    event_log.append(events)
    services.record_measurements(events)
