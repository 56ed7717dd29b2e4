"""Webhooks that were refused lately, for the service's health."""

from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from customer_project.webhooks.models import RefusedDelivery
from kafka_bridge.health import Finding


def webhooks_health() -> Finding:
    """Count the deliveries that were refused in the last day, by reason."""
    recent = RefusedDelivery.objects.filter(hour__gte=timezone.now() - timedelta(days=1))
    counts = recent.values_list("reason").annotate(Sum("count")).order_by("reason")
    return Finding({"refused_in_24_hours": dict(counts)})
