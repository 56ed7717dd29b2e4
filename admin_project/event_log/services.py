"""Writing the event log."""

from collections.abc import Sequence

from admin_project.event_log.models import LoggedEvent
from kafka_bridge import bulk
from kafka_bridge.contracts import Event


def append(events: Sequence[Event]) -> None:
    """Log the events, without the fields that their contracts mark as private."""
    bulk.insert_missing(
        [
            LoggedEvent(
                event_id=event.event_id,
                topic=event.topic,
                customer_id=event.customer_id,
                correlation_id=event.correlation_id or event.event_id,
                causation_id=event.causation_id,
                source=event.source,
                content=event.public_content(),
                occurred_at=event.timestamp,
            )
            for event in events
        ]
    )
