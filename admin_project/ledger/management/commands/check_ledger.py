"""Check the ledger."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from admin_project.ledger import selectors


class Command(BaseCommand):
    """`manage.py check_ledger`: exits 1 if a cent differs."""

    help = "Compare the ledger with the payments, and with what Stripe lists; show what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take which payments to compare, and how many differences to show."""
        minutes = selectors.SETTLES_WITHIN // timedelta(minutes=1)
        parser.add_argument("--limit", type=int, default=100, help="differences shown at most")
        parser.add_argument(
            "--newest",
            action="store_true",
            help=f"compare payments of the last {minutes} minutes too: not all need be settled",
        )

    def handle(self, *_args: Any, limit: int, newest: bool, **_options: Any) -> None:
        """Print the accounts and the differences."""
        measured_before = None if newest else timezone.now() - selectors.SETTLES_WITHIN
        for balance in selectors.balances():
            self.stdout.write(f"{balance.currency} {balance.account}: {balance.amount}")
        wrong = [f"{currency}: sums to {total}" for currency, total in selectors.unbalanced()]
        wrong += [
            f"payment {one.payment_id}: {one.what} {one.measured} {one.currency}, "
            f"the ledger has {one.in_ledger}"
            for one in selectors.differences(measured_before=measured_before, limit=limit)
        ]
        wrong += [
            f"{one.day}: {one.what} {one.at_stripe} {one.currency} at Stripe, "
            f"the ledger has {one.in_ledger}"
            for one in selectors.differences_from_stripe(limit=limit)
        ]
        for line in wrong:
            self.stdout.write(self.style.ERROR(line))
        if wrong:
            raise CommandError(f"{len(wrong)} differences")
        until = selectors.compared_until()
        compared = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "not yet"
        self.stdout.write(f"no difference; compared with what Stripe lists: {compared}")
