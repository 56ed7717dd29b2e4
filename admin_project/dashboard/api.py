"""The figures as JSON."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from admin_project.dashboard import schema, selectors
from admin_project.dashboard.choices import PERIODS, TYPES, Choice
from admin_project.readers.api import ReaderView
from admin_project.timeline import selectors as timeline
from admin_project.timeline.views import VIEW_EVENTS

_ID = "Ours or Stripe's, or the SHA-256 (hex) of an e-mail address in lower case."


class ChoiceSerializer(serializers.Serializer[Any]):
    """Which figures. What it does not know it refuses; a page shows everything then."""

    period = serializers.ChoiceField(choices=list(PERIODS), default="30d")
    currency = serializers.RegexField(
        r"^[A-Za-z]{3}$", required=False, allow_blank=True, help_text="ISO 4217; all if absent."
    )
    type = serializers.ChoiceField(
        choices=list(TYPES),
        required=False,
        allow_blank=True,
        help_text="Of payments; all if absent.",
    )


class FiguresView(ReaderView):
    """All figures of a period, and of the one before."""

    @extend_schema(parameters=[ChoiceSerializer], responses=schema.figures())
    def get(self, request: Request) -> Response:
        """Return what the dashboard shows: minor units, UTC, shares from 0 to 1."""
        ChoiceSerializer(data=request.query_params).is_valid(raise_exception=True)
        return Response(selectors.everything(Choice.of(request.query_params)))


class LedgerView(ReaderView):
    """The ledger."""

    @extend_schema(responses=schema.ledger())
    def get(self, _request: Request) -> Response:
        """Return the balances, and each cent that differs from the payments or from Stripe.

        Double entry, per currency: each of Stripe's balance transactions adds to `stripe_balance`,
        to its counterpart (`charges`, `refunds`, `disputes`, `payouts`, `other`) and to `fees`,
        zero in all. Debits are positive. It is read once a minute.
        """
        return Response(selectors.books())


class TimelineView(ReaderView):
    """Every hop of what an id belongs to."""

    staff_permission = VIEW_EVENTS

    @extend_schema(
        parameters=[OpenApiParameter("id", str, required=True, description=_ID)],
        responses=schema.timeline(),
    )
    def get(self, request: Request) -> Response:
        """Return the hops, the earliest first, and what is missing after them."""
        found = timeline.timeline(request.query_params.get("id", ""))
        return Response(_jsonable(asdict(found)))


class StuckView(ReaderView):
    """What is not final after its deadline."""

    staff_permission = VIEW_EVENTS

    @extend_schema(responses=schema.stuck())
    def get(self, _request: Request) -> Response:
        """Return what stands still, what waits longest first."""
        return Response({"stuck": [asdict(one) for one in timeline.stuck()]})


def _jsonable(found: dict[str, Any]) -> dict[str, Any]:
    for hop in found["hops"]:
        for name in ("since", "seen_after"):
            duration = hop.pop(name)
            hop[f"{name}_ms"] = duration and round(duration.total_seconds() * 1000, 3)
    return found
