"""What beat has done every now and then."""

from celery import shared_task

from payment_project.payments import services


@shared_task(ignore_result=True)
def ask_about_overdue() -> None:
    """Ask what is to become of payments past their deadlines, until none is."""
    while services.ask_about_overdue():
        pass
