"""What beat has done every now and then."""

from celery import shared_task

from payment_project.subscriptions import services


@shared_task(ignore_result=True)
def end_unpaid() -> None:
    """Ask subscriptions to end that the dunning policy gives up, until all are asked."""
    while services.end_unpaid():
        pass
