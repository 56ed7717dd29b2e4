"""How calls to Stripe fare, for the service's health."""

from dataclasses import asdict

from kafka_bridge.health import Finding
from payment_project.stripe_gateway.limits import status


def stripe_health() -> Finding:
    """Tell whether workers call Stripe, and if not, why: their key refused, or an outage."""
    found = status()
    stopped = found.circuit in {"open", "probing"}
    return Finding(asdict(found), f"no calls to Stripe: {found.reason}" if stopped else "")
