"""What the API's description says of subscriptions."""

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework import serializers

from customer_project.payments.filters import WaitSerializer
from customer_project.schema import FORBIDDEN, IDEMPOTENCY_KEY, KEY_REUSED, LOCATION, refusal
from customer_project.subscriptions.filters import SubscriptionFilter
from customer_project.subscriptions.serializers import (
    AcceptedChangeSerializer,
    AcceptedSubscriptionSerializer,
    CancelSubscriptionSerializer,
    CardSerializer,
    ChangePlanSerializer,
    InvoiceSerializer,
    PreviewPlanSerializer,
    SubscriptionEventSerializer,
    SubscriptionRequestSerializer,
)

_ID: Final = OpenApiParameter("id", UUID, OpenApiParameter.PATH)
_ALWAYS: Final = ("not_answered_yet", "subscription_has_ended")
_NO_PLAN: Final = ("subscription_incomplete", "subscription_unpaid", "subscription_paused")


def _change(request: type[serializers.Serializer[Any]] | None, *conflicts: str) -> Any:
    return extend_schema(
        request=request,
        responses={
            202: OpenApiResponse(
                AcceptedChangeSerializer,
                description="Accepted. What becomes of it shows on the subscription.",
            ),
            403: FORBIDDEN,
            409: refusal(*_ALWAYS, *conflicts),
            422: KEY_REUSED,
        },
        parameters=[IDEMPOTENCY_KEY, LOCATION, _ID],
    )


plans_documented = extend_schema_view(
    list=extend_schema(description="What can be subscribed to, in the shop's order.")
)

subscriptions_documented = extend_schema_view(
    list=extend_schema(
        description="The asker's subscriptions, the newest first; merchants see everybody's.",
        parameters=[SubscriptionFilter],
    ),
    retrieve=extend_schema(parameters=[WaitSerializer, _ID]),
    create=extend_schema(
        request=SubscriptionRequestSerializer,
        responses={
            202: OpenApiResponse(
                AcceptedSubscriptionSerializer,
                description="Accepted. What becomes of it shows on the subscription.",
            ),
            403: FORBIDDEN,
            422: KEY_REUSED,
        },
        parameters=[IDEMPOTENCY_KEY, LOCATION],
    ),
    cancel=_change(CancelSubscriptionSerializer),
    reactivate=_change(None, "nothing_to_reactivate"),
    pause=_change(None, "subscription_incomplete"),
    resume=_change(None, "not_paused"),
    plan=_change(ChangePlanSerializer, *_NO_PLAN, "not_previewed"),
    preview_plan=_change(PreviewPlanSerializer, *_NO_PLAN),
    card=_change(CardSerializer),
    pay=_change(None, "no_open_invoice"),
    refresh=_change(None),
    invoices=extend_schema(responses=InvoiceSerializer(many=True), parameters=[_ID]),
    events=extend_schema(responses=SubscriptionEventSerializer(many=True), parameters=[_ID]),
)
