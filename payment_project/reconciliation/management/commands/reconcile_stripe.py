"""Find and repair what webhooks missed."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from payment_project.reconciliation import selectors, services


class Command(BaseCommand):
    """`manage.py reconcile_stripe`: what beat does, now, or further back."""

    help = "Compare Stripe with what is recorded here; publish what repairs the differences."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how far to look back."""
        parser.add_argument("--days", type=float, help="look back at least so far")

    def handle(self, *_args: Any, days: float | None, **_options: Any) -> None:
        """Reconcile, and say what was found."""
        run = services.reconcile(since=timezone.now() - timedelta(days=days) if days else None)
        self.stdout.write(
            f"{run.looked_at} looked at, {run.found} diverged, {run.elsewhere_made} made elsewhere"
        )
        for kind, count in selectors.open_divergences().items():
            self.stdout.write(f"{kind}: {count} open")
