"""After a backup was restored: number what comes above all that was told."""

from typing import Any

from django.core.management.base import BaseCommand

from payment_project.reconciliation import services


class Command(BaseCommand):
    """`manage.py raise_revisions`: after a backup of this database was restored."""

    help = "Have other services take what is told from now on for newer than all they were told."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Raise the revisions, and say of how many."""
        payments, subscriptions = services.raise_revisions()
        self.stdout.write(f"{payments} payments and {subscriptions} subscriptions go on from here")
