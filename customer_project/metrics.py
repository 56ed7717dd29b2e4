"""What the customer service tells monitors."""

from collections.abc import Iterator

from django.db.models import Sum

from customer_project.webhooks.models import RefusedDelivery
from kafka_bridge.metrics import Family, by_label


def families() -> Iterator[Family]:
    """Return what was refused at the door."""
    refused = RefusedDelivery.objects.order_by("reason").values_list("reason")
    yield Family(
        "paybridge_refused_webhooks_total",
        "counter",
        "Deliveries of webhooks that were refused, by why.",
        by_label("reason", refused.annotate(Sum("count"))),
    )
