"""What diverges from Stripe, for the service's health."""

from kafka_bridge.health import Finding
from payment_project.reconciliation import selectors
from payment_project.reconciliation.models import Run


def reconciliation_health() -> Finding:
    """Count the open divergences by kind, and tell what the last run found."""
    last = Run.objects.filter(finished_at__isnull=False).order_by("-started_at").first()
    return Finding(
        {
            "open": selectors.open_divergences(),
            "last_run": last and last.started_at.isoformat(),
            "last_found": last and last.found,
        }
    )
