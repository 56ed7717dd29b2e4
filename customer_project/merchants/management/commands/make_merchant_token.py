"""Make a token for a merchant's system."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from customer_project.merchants.models import Scope
from customer_project.merchants.services import make_token


class Command(BaseCommand):
    """`customer.py make_merchant_token NAME [SCOPE …]`."""

    help = "Make a merchant's token and print it; it cannot be found out again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what it is for, and what it may do; everything if nothing is named."""
        scopes = [scope.value for scope in Scope]
        parser.add_argument("name")
        parser.add_argument("--scopes", nargs="+", choices=scopes, default=scopes)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make it and print it."""
        _, text = make_token(name=options["name"], scopes=options["scopes"])
        self.stdout.write(text)
