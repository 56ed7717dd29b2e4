"""Keeping the facts."""

from collections.abc import Sequence

from admin_project.analytics.models import PaymentFact
from kafka_bridge import bulk
from kafka_bridge.contracts import PaymentMeasured


def record_measurements(events: Sequence[PaymentMeasured]) -> None:
    """Keep the newest measurement of each payment."""
    bulk.upsert_newer(
        [
            PaymentFact(
                payment_id=event.payment_id,
                payment_type=event.payment_type,
                status=event.status,
                amount=event.amount,
                currency=event.currency,
                decline_code=event.decline_code or "",
                card_brand=event.card_brand or "",
                card_country=event.card_country or "",
                requested_at=event.requested_at,
                measured_at=event.timestamp,
                revision=event.revision or 1,
            )
            for event in events
        ]
    )
