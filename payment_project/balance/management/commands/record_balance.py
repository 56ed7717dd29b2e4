"""Record Stripe's balance transactions."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from payment_project.balance import services


class Command(BaseCommand):
    """`manage.py record_balance`: what beat does each minute, now, or further back."""

    help = "Record what Stripe's balance moved by since the last time, and publish it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how far to look back."""
        parser.add_argument("--hours", type=float, help="look back at least so far")

    def handle(self, *_args: Any, hours: float | None, **_options: Any) -> None:
        """Record, and say how many were new."""
        since = None if hours is None else timezone.now() - timedelta(hours=hours)
        self.stdout.write(f"{services.record_balance(since=since)} new")
