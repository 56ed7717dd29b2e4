"""The figures of all payments as JSON."""

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import DictField, IntegerField

from admin_project.analytics import selectors
from admin_project.readers.api import ReaderView


class PaymentFiguresView(ReaderView):
    """How many payments, and how much money."""

    @extend_schema(
        responses=inline_serializer(
            "PaymentFigures",
            {
                "count": IntegerField(),
                "by_status": DictField(child=IntegerField()),
                "volume": DictField(
                    child=IntegerField(),
                    help_text="What was captured of those that succeeded, by currency.",
                ),
            },
        )
    )
    def get(self, _request: Request) -> Response:
        """Return the figures of all payments."""
        return Response(selectors.payment_figures())
