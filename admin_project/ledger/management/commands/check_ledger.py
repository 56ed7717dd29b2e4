"""Check the ledger."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from admin_project.ledger import selectors


class Command(BaseCommand):
    """`manage.py check_ledger`: exits 1 if a cent differs."""

    help = "Compare the ledger with the payments, and with what Stripe lists; show what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how many differences to show."""
        parser.add_argument("--limit", type=int, default=100, help="differences shown at most")

    def handle(self, *_args: Any, limit: int, **_options: Any) -> None:
        """Print the accounts and the differences."""
        for balance in selectors.balances():
            self.stdout.write(f"{balance.currency} {balance.account}: {balance.amount}")
        wrong = [f"{currency}: sums to {total}" for currency, total in selectors.unbalanced()]
        wrong += [
            f"payment {one.payment_id}: {one.what} {one.measured} {one.currency}, "
            f"the ledger has {one.in_ledger}"
            for one in selectors.differences(limit=limit)
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
