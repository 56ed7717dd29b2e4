"""The webhook endpoint at Stripe's emulator, so that it tells the customer service what happens."""

import json
from pathlib import Path
from typing import Any, Final

import stripe

from devstack.services import DEMO_API_KEY

_EVENTS: Final = (
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
)


def webhook_secret(*, stripe_url: str, endpoint_url: str, file: Path) -> str:
    """Return the secret of the endpoint, which is made on the first start and kept in the file."""
    client = stripe.StripeClient(DEMO_API_KEY, base_addresses={"api": stripe_url})
    kept = json.loads(file.read_text()) if file.exists() else {}
    endpoints = client.v1.webhook_endpoints.list({"limit": 100}).data
    for there in endpoints:
        if (kept.get("id"), endpoint_url) == (there.id, there.url):
            if set(there.enabled_events) != set(_EVENTS):
                events: Any = {"enabled_events": list(_EVENTS)}
                client.v1.webhook_endpoints.update(there.id, events)
            return str(kept["secret"])
    made = client.v1.webhook_endpoints.create(
        {"url": endpoint_url, "enabled_events": list(_EVENTS)}
    )
    file.touch(mode=0o600)
    file.write_text(json.dumps({"id": made.id, "secret": made.secret}))
    return str(made.secret)
