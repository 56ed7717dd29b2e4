"""What became of webhooks lately, for the service's health."""

from kafka_bridge.health import Finding
from payment_project.webhooks import selectors


def webhooks_health() -> Finding:
    """Count the webhooks of the last day by outcome."""
    return Finding({"last_24_hours": selectors.outcomes_of_a_day()})
