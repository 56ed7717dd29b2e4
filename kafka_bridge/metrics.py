"""What a service tells monitors, in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from django.conf import settings
from django.http import HttpResponse
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.views import APIView

from kafka_bridge.selectors import inbox_totals, outbox_backlog
from kafka_bridge.tokens.authentication import StaffBearerAuthentication

Sample = tuple[dict[str, str], int | float]


class Family(NamedTuple):
    """Figures of one name, told apart by their labels."""

    name: str
    kind: Literal["counter", "gauge"]
    tells: str
    samples: Iterable[Sample]


class MetricsView(APIView):
    """Writes the bridge's figures and a service's own. Asked every few seconds, by staff's tokens.

    A service that has tokens for systems takes those, too.
    """

    schema = None
    authentication_classes = (StaffBearerAuthentication,)
    permission_classes = (IsAdminUser,)
    throttle_classes = ()
    families: Callable[[], Iterable[Family]] = tuple
    """Returns the service's own."""

    def get(self, _request: Request) -> HttpResponse:
        """Answer a monitor."""
        families = [*self.families(), *_of_the_bridge()]
        text = "".join(f"{line}\n" for family in families for line in _lines(family))
        return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def by_label(label: str, counts: Iterable[tuple[str, int]]) -> list[Sample]:
    """Make a sample of each count."""
    return [({label: value}, count) for value, count in counts]


def _of_the_bridge() -> Iterator[Family]:
    service, inbox, outbox = settings.SERVICE_NAME, inbox_totals(), outbox_backlog()
    yield Family(
        f"paybridge_{service}_inbox",
        "gauge",
        f"Events of the {service} service's inbox.",
        by_label("state", inbox._asdict().items()),
    )
    yield Family(
        f"paybridge_{service}_outbox",
        "gauge",
        f"Events that wait for the {service} service's relay.",
        [({}, outbox.unpublished)],
    )
    yield Family(
        f"paybridge_{service}_outbox_seconds",
        "gauge",
        "How long the oldest of them has waited.",
        [({}, outbox.oldest_seconds)],
    )


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.tells}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{family.name}{{{inside}}} {value}" if inside else f"{family.name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
