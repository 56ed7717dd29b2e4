"""What beat has done every now and then."""

from celery import shared_task

from kafka_bridge.errors import OutcomeUnknown, TryLater
from payment_project.balance import services


@shared_task(ignore_result=True, throws=(TryLater, OutcomeUnknown))
def record_balance() -> None:
    """Record what the balance at Stripe moved by; should Stripe not answer, the next time."""
    services.record_balance()


@shared_task(ignore_result=True, throws=(TryLater, OutcomeUnknown))
def count_balance() -> None:
    """Tell what Stripe lists of its balance; should Stripe not answer, the next time."""
    services.count_balance()
