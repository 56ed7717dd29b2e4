"""Figures of webhooks."""

from dataclasses import dataclass

from django.db.models import Sum

from admin_project.analytics.models import WebhookAggregate
from admin_project.analytics.selectors.periods import Percentiles, Period


@dataclass(frozen=True, kw_only=True)
class WebhookOutcome:
    """How many webhooks of a type had an outcome: applied, ignored, stale or failed."""

    webhook_type: str
    outcome: str
    count: int


def webhook_outcomes(period: Period) -> list[WebhookOutcome]:
    """Count what became of the webhooks received in the period, the most frequent first."""
    rows = (
        WebhookAggregate.objects.filter(period.rows())
        .order_by()
        .values_list("webhook_type", "outcome")
        .annotate(Sum("count"))
    )
    return [
        WebhookOutcome(webhook_type=webhook_type, outcome=outcome, count=count)
        for webhook_type, outcome, count in sorted(rows, key=lambda row: (-row[2], row))
    ]


def webhook_lag(period: Period) -> Percentiles:
    """Return how long webhooks took from the edge to their outcome."""
    rows = WebhookAggregate.objects.filter(period.rows()).order_by().values_list("lag_bucket")
    return Percentiles.of(dict(rows.annotate(Sum("count"))))
