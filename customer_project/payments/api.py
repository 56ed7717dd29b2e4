"""The payments API. It calls nobody: it writes, publishes, and shows what events have told."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django.db.models import QuerySet
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from customer_project.customers.authentication import customer_of
from customer_project.payments import services
from customer_project.payments.models import Payment
from customer_project.payments.parsers import StrictJSONParser
from customer_project.payments.serializers import (
    AcceptedPaymentSerializer,
    PaymentRequestSerializer,
    PaymentSerializer,
)

_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class NewestFirst(CursorPagination):
    """Pages that stay put while new payments come in."""

    ordering = "-created_at"
    page_size = 50


class PaymentViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, GenericViewSet[Payment]):
    """Payments of the customer who asks; nobody else's exist for them."""

    parser_classes = (StrictJSONParser,)
    serializer_class = PaymentSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Payment]:
        """Return the customer's payments."""
        return Payment.objects.filter(customer=customer_of(self.request))

    def create(self, request: Request) -> Response:
        """Accept a payment: 202, with the place where its state can be watched."""
        key = idempotency_key(request)
        asked = PaymentRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        payment = services.request_payment(
            customer=customer_of(request), idempotency_key=key, request=asked.validated_data
        )
        return _accepted(AcceptedPaymentSerializer(payment).data, payment)

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - get_object reads it
        """Go on with a payment after 3-D Secure: 202, and its state can be watched as before."""
        key = idempotency_key(request)
        payment = self.get_object()
        services.confirm_payment(payment=payment, idempotency_key=key)
        return _accepted({"id": payment.id}, payment)


def _accepted(body: Mapping[str, Any], payment: Payment) -> Response:
    watch = reverse("payment-detail", [payment.id])
    return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": watch})


def idempotency_key(request: Request) -> str:
    """Read the Idempotency-Key header.

    Raises:
        ValidationError: it is missing, or not 1 to 255 printable ASCII characters.
    """
    key: str | None = request.headers.get("Idempotency-Key")
    if key is None:
        raise serializers.ValidationError(
            {
                "Idempotency-Key": "Send this header with a value of your own, a UUID for example, "
                "and send the same value when you repeat the request."
            },
            "required",
        )
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise serializers.ValidationError(
            {"Idempotency-Key": "1 to 255 printable ASCII characters, without spaces."}, "invalid"
        )
    return key
