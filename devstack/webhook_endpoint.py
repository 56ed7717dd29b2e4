"""The webhook endpoint at Stripe's emulator, so that it tells the customer service what happens."""

import json
from pathlib import Path
from typing import Any

import stripe

from devstack.services import DEMO_API_KEY
from payment_project.webhooks.types import HANDLED


def webhook_secret(*, stripe_url: str, endpoint_url: str, file: Path) -> str:
    """Return the secret of the endpoint, which is made on the first start and kept in the file."""
    client = stripe.StripeClient(DEMO_API_KEY, base_addresses={"api": stripe_url})
    kept = json.loads(file.read_text()) if file.exists() else {}
    events: Any = list(HANDLED)  # the SDK's type names each of Stripe's
    endpoints = client.v1.webhook_endpoints.list({"limit": 100}).data
    for there in endpoints:
        if (kept.get("id"), endpoint_url) == (there.id, there.url):
            if set(there.enabled_events) != set(HANDLED):
                client.v1.webhook_endpoints.update(there.id, {"enabled_events": events})
            return str(kept["secret"])
    made = client.v1.webhook_endpoints.create({"url": endpoint_url, "enabled_events": events})
    file.touch(mode=0o600)
    file.write_text(json.dumps({"id": made.id, "secret": made.secret}))
    return str(made.secret)
