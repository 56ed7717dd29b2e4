"""What beat has done every now and then."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from kafka_bridge.errors import OutcomeUnknown, TryLater
from payment_project.reconciliation import services


@shared_task(ignore_result=True, throws=(TryLater, OutcomeUnknown))
def reconcile_stripe(days: float | None = None) -> None:
    """Repair what webhooks missed since the last time, or in so many days."""
    services.reconcile(since=timezone.now() - timedelta(days=days) if days else None)
