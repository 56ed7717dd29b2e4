"""Count Stripe's balance transactions."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from payment_project.balance import services


class Command(BaseCommand):
    """`manage.py count_balance`: what beat does each hour, now, or of more days."""

    help = "Count what Stripe lists of its balance, by day, for the admin service to compare."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how many days to count again."""
        parser.add_argument("--days", type=int, default=0, help="count so many before today again")

    def handle(self, *_args: Any, days: int, **_options: Any) -> None:
        """Count, and say how many days were."""
        self.stdout.write(f"{services.count_balance(days=days)} days told")
