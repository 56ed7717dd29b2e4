"""Business counters for monitors: sums of few rows, whatever the history."""

from collections.abc import Iterator

from django.db.models import Sum

from admin_project.analytics import selectors as analytics
from admin_project.analytics.models import Grain, PaymentAggregate, WebhookAggregate
from admin_project.dashboard.snapshot import snapshot
from admin_project.timeline import selectors as timeline
from kafka_bridge.metrics import Family, by_label

_ALL_MONTHS = {"grain": Grain.MONTH}


def families() -> Iterator[Family]:
    """Return what is told of payments, webhooks and recurring revenue, all of one moment."""
    with snapshot():
        yield from _families()


def _families() -> Iterator[Family]:
    labels = ("payment_type", "currency", "status")
    rows = list(
        PaymentAggregate.objects.filter(**_ALL_MONTHS, dimension=PaymentAggregate.Dimension.ALL)
        .order_by()
        .values_list(*labels)
        .annotate(*map(Sum, ("count", "amount", "captured", "refunded", "disputes")))
    )
    for name, column, tells in (
        ("payments", 3, "Payments, by where they are."),
        ("payments_minor_units", 4, "Their amounts, in minor units."),
        ("captured_minor_units", 5, "What was captured of them, in minor units."),
        ("refunded_minor_units", 6, "What went back of them, in minor units."),
        ("disputes", 7, "Payments that are or were disputed."),
    ):
        samples = [(dict(zip(labels, row, strict=False)), row[column]) for row in rows]
        yield Family(f"paybridge_{name}", "gauge", tells, samples)
    webhooks = WebhookAggregate.objects.filter(**_ALL_MONTHS).order_by().values_list("outcome")
    yield Family(
        "paybridge_webhooks_total",
        "counter",
        "Webhooks, by what became of them.",
        by_label("outcome", webhooks.annotate(Sum("count"))),
    )
    yield Family(
        "paybridge_mrr_minor_units",
        "gauge",
        "Monthly recurring revenue.",
        by_label("currency", ((one.currency, one.amount) for one in analytics.mrr())),
    )
    yield Family(
        "paybridge_stuck",
        "gauge",
        "What is not final after its deadline, 200 at most.",
        [({}, len(timeline.stuck()))],
    )
