"""Reading the figures."""

from typing import TypedDict

from django.db.models import Count, Sum

from admin_project.analytics.models import PaymentFact
from kafka_bridge.contracts import PaymentStatus


class PaymentFigures(TypedDict):
    """How many payments there are, by status, and what succeeded in minor units by currency."""

    count: int
    by_status: dict[str, int]
    volume: dict[str, int]


def payment_figures() -> PaymentFigures:
    """Count the payments."""
    by_status = dict(
        PaymentFact.objects.order_by().values_list("status").annotate(Count("payment_id"))
    )
    volume = dict(
        PaymentFact.objects.filter(status=PaymentStatus.SUCCEEDED)
        .order_by()
        .values_list("currency")
        .annotate(Sum("amount"))
    )
    return {"count": sum(by_status.values()), "by_status": by_status, "volume": volume}
