"""Have Stripe deliver its webhooks."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payment_project.stripe_gateway.client import calls_from_here
from payment_project.stripe_gateway.webhook_endpoints import EndpointElsewhere, sync_endpoint
from payment_project.webhooks.types import HANDLED


class Command(BaseCommand):
    """`manage.py sync_stripe_webhook https://…/webhooks/stripe/`: safe to repeat."""

    help = "Create or update the webhook endpoint at Stripe: its URL, events and API version."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address, and whose endpoint it is."""
        parser.add_argument("url", help="of the customer service: https://…/webhooks/stripe/")
        parser.add_argument(
            "--name",
            default="paybridge",
            help="of this installation, where several share a Stripe account: each has an endpoint",
        )

        parser.add_argument(
            "--move", action="store_true", help="the endpoint from the address that it leads to now"
        )

    def handle(self, *_args: Any, url: str, name: str, move: bool, **_options: Any) -> None:
        """Do it, and say what was done."""
        try:
            with calls_from_here() as finish:
                endpoint = finish(sync_endpoint(url, events=HANDLED, name=name, move=move))
        except EndpointElsewhere as elsewhere:
            raise CommandError(
                f"{name}'s endpoint leads to {elsewhere}. Add --move if that is to end, or --name "
                "if this is another installation."
            ) from None
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
                f"{other} was ours before: delete it in Stripe's dashboard once the secret of "
                f"{endpoint.endpoint_id} is in use."
            )
