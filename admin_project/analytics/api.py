"""The figures as JSON, for staff."""

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import DictField, IntegerField
from rest_framework.views import APIView

from admin_project.analytics import selectors


class PaymentFiguresView(APIView):
    """How many payments, and how much money."""

    permission_classes = (IsAdminUser,)

    @extend_schema(
        responses=inline_serializer(
            "PaymentFigures",
            {
                "count": IntegerField(),
                "by_status": DictField(child=IntegerField()),
                "volume": DictField(child=IntegerField(), help_text="By currency."),
            },
        )
    )
    def get(self, _request: Request) -> Response:
        """Return the figures of all payments."""
        return Response(selectors.payment_figures())
