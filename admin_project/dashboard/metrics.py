"""Business counters in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator

from django.db.models import Sum
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    permission_classes,
)
from rest_framework.request import Request

from admin_project.analytics import selectors as analytics
from admin_project.analytics.models import Grain, PaymentAggregate, WebhookAggregate
from admin_project.dashboard.snapshot import snapshot
from admin_project.readers.authentication import (
    ReaderTokenAuthentication,
    StaffBearerAuthentication,
)
from admin_project.readers.permissions import MayReadFigures
from admin_project.timeline import selectors as timeline
from kafka_bridge.selectors import inbox_totals

Sample = tuple[dict[str, str], int | float]

_ALL_MONTHS = {"grain": Grain.MONTH}


@extend_schema(exclude=True)
@api_view(["GET"])
@authentication_classes([ReaderTokenAuthentication, StaffBearerAuthentication])
@permission_classes([MayReadFigures])
@snapshot()
def metrics(_request: Request) -> HttpResponse:
    """Write what a monitor asks for every few seconds: sums of few rows, whatever the history."""
    text = "\n".join(line for family in _families() for line in family)
    return HttpResponse(f"{text}\n", content_type="text/plain; version=0.0.4; charset=utf-8")


def _families() -> Iterator[Iterator[str]]:
    labels = ("payment_type", "currency", "status")
    rows = list(
        PaymentAggregate.objects.filter(**_ALL_MONTHS, dimension=PaymentAggregate.Dimension.ALL)
        .order_by()
        .values_list(*labels)
        .annotate(Sum("count"), Sum("amount"), Sum("refunded"), Sum("disputes"))
    )
    for name, column, tells in (
        ("payments", 3, "Payments, by where they are."),
        ("payments_minor_units", 4, "Their amounts, in minor units."),
        ("refunded_minor_units", 5, "What went back of them, in minor units."),
        ("disputes", 6, "Payments that are or were disputed."),
    ):
        samples = [(dict(zip(labels, row, strict=False)), row[column]) for row in rows]
        yield _family(f"paybridge_{name}", "gauge", tells, samples)
    yield _family(
        "paybridge_webhooks_total", "counter", "Webhooks, by what became of them.",
        [({"outcome": outcome}, count) for outcome, count in WebhookAggregate.objects.filter(
            **_ALL_MONTHS).order_by().values_list("outcome").annotate(Sum("count"))],
    )  # fmt: skip
    yield _family(
        "paybridge_mrr_minor_units", "gauge", "Monthly recurring revenue.",
        [({"currency": one.currency}, one.amount) for one in analytics.mrr()],
    )  # fmt: skip
    yield _family(
        "paybridge_stuck", "gauge", "What is not final after its deadline, 200 at most.",
        [({}, len(timeline.stuck()))],
    )  # fmt: skip
    totals = inbox_totals()
    yield _family(
        "paybridge_admin_inbox", "gauge", "Events of the admin service's inbox.",
        [({"state": state}, getattr(totals, state)) for state in ("pending", "parked", "dead")],
    )  # fmt: skip


def _family(name: str, kind: str, tells: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {tells}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
