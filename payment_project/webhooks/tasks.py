"""What beat has done every now and then."""

from celery import shared_task

from payment_project.webhooks import services


@shared_task(ignore_result=True)
def purge_webhooks() -> None:
    """Delete what became of webhooks long ago, until nothing is left to delete."""
    while services.purge():
        pass
