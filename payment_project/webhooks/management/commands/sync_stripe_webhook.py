"""Have Stripe deliver its webhooks."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from payment_project.stripe_gateway.client import calls_from_here
from payment_project.stripe_gateway.webhook_endpoints import sync_endpoint
from payment_project.webhooks.types import HANDLED


class Command(BaseCommand):
    """`manage.py sync_stripe_webhook https://…/webhooks/stripe/`: safe to repeat."""

    help = "Create or update the webhook endpoint at Stripe: its events and its API version."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address."""
        parser.add_argument("url", help="of the customer service: https://…/webhooks/stripe/")

    def handle(self, *_args: Any, url: str, **_options: Any) -> None:
        """Do it, and say what was done."""
        with calls_from_here() as finish:
            endpoint = finish(sync_endpoint(url, events=HANDLED))
        self.stdout.write(
            f"{endpoint.endpoint_id}: {endpoint.done}, {len(HANDLED)} types of events"
        )
        if endpoint.secret:
            self.stdout.write(
                "Stripe shows this secret once. Put it first in STRIPE_WEBHOOK_SECRETS of the "
                f"customer service and of the payment service:\n{endpoint.secret}"
            )
        for other in endpoint.others:
            self.stdout.write(
                f"{other} renders another API version: delete it in Stripe's dashboard once the "
                "new secret is in use."
            )
