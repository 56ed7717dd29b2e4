"""Makes Django know the app, and what it listens to."""

from django.apps import AppConfig


class EmailsConfig(AppConfig):
    """E-mails to customers."""

    name = "customer_project.emails"

    def ready(self) -> None:
        """Hear what customers are to be told of their subscriptions."""
        from customer_project.emails.services import queue_news  # noqa: PLC0415 - needs the models
        from customer_project.subscriptions.signals import customer_told  # noqa: PLC0415

        customer_told.connect(queue_news)
