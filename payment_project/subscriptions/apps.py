"""Makes Django know the app, and its checks."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Subscriptions and their invoices."""

    name = "payment_project.subscriptions"

    def ready(self) -> None:
        """Register system checks."""
        from payment_project.subscriptions import checks  # noqa: F401, PLC0415 - on being imported
