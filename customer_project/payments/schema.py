"""What the API's description says of payments."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework import serializers

from customer_project.payments.filters import CustomerFilter, PaymentFilter, WaitSerializer
from customer_project.payments.serializers import (
    AcceptedPaymentSerializer,
    AcceptedUpdateSerializer,
    CancelSerializer,
    CaptureSerializer,
    ConfirmSerializer,
    PaymentEventSerializer,
    PaymentRequestSerializer,
    RefundRequestSerializer,
)
from customer_project.schema import FORBIDDEN, IDEMPOTENCY_KEY, KEY_REUSED, LOCATION, refusal

_ID: Final = OpenApiParameter("id", UUID, OpenApiParameter.PATH)


def _accepted(
    request: type[serializers.Serializer[Any]],
    answer: type[serializers.Serializer[Any]],
    *conflicts: str,
    parameters: Sequence[OpenApiParameter] = (),
) -> Any:
    responses = {
        202: OpenApiResponse(
            answer, description="Accepted. What becomes of it shows on the payment."
        ),
        403: FORBIDDEN,
        422: KEY_REUSED,
        **({409: refusal(*conflicts)} if conflicts else {}),
    }
    return extend_schema(
        request=request,
        responses=responses,
        parameters=[IDEMPOTENCY_KEY, LOCATION, *parameters],
    )


def _update(request: type[serializers.Serializer[Any]], *conflicts: str) -> Any:
    return _accepted(request, AcceptedUpdateSerializer, *conflicts, parameters=[_ID])


payments_documented = extend_schema_view(
    list=extend_schema(
        description="The asker's payments, the newest first; merchants see everybody's.",
        parameters=[PaymentFilter],
    ),
    retrieve=extend_schema(parameters=[WaitSerializer, _ID]),
    create=_accepted(PaymentRequestSerializer, AcceptedPaymentSerializer),
    confirm=_update(ConfirmSerializer, "nothing_to_confirm"),
    capture=_update(CaptureSerializer, "nothing_to_capture"),
    cancel=_update(CancelSerializer, "payment_is_final", "not_answered_yet"),
    refunds=_update(RefundRequestSerializer, "nothing_to_refund"),
    events=extend_schema(responses=PaymentEventSerializer(many=True), parameters=[_ID]),
)

saved_cards_documented = extend_schema_view(
    list=extend_schema(
        description="Cards that can be charged again, the last saved first.",
        parameters=[CustomerFilter],
    )
)
