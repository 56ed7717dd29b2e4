"""Choosing payments by what they are."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.pagination import CursorPagination

from customer_project.payments.serializers import CurrencyField
from kafka_bridge.contracts import PaymentStatus

M = TypeVar("M", bound=Model)


class NewestFirst(CursorPagination):
    """Pages that stay put while new payments come in."""

    ordering = "-created_at"
    page_size = 50


class CustomerFilter(serializers.Serializer[Any]):
    """Query parameters of lists: whose things. Customers see their own, whatever they say."""

    customer = serializers.UUIDField(required=False)

    def narrow(self, rows: QuerySet[M]) -> QuerySet[M]:
        """Keep the rows that the parameters choose.

        Raises:
            ValidationError: a parameter is nonsense.
        """
        self.is_valid(raise_exception=True)
        return rows.filter(
            **{_LOOKUPS.get(name, name): value for name, value in self.validated_data.items()}
        )


class PaymentFilter(CustomerFilter):
    """Query parameters of the list of payments. All that are given must hold."""

    status = serializers.ChoiceField([status.value for status in PaymentStatus], required=False)
    currency = CurrencyField(required=False, max_length=3)
    created_from = serializers.DateTimeField(required=False, help_text="Then or later.")
    created_before = serializers.DateTimeField(required=False, help_text="Earlier than that.")
    amount_min = serializers.IntegerField(
        required=False, min_value=0, max_value=999_999_999_999, help_text="In minor units."
    )
    amount_max = serializers.IntegerField(
        required=False, min_value=0, max_value=999_999_999_999, help_text="In minor units."
    )


_LOOKUPS = {
    "customer": "customer_id",
    "plan": "subscription_plan_id",
    "created_from": "created_at__gte",
    "created_before": "created_at__lt",
    "amount_min": "amount__gte",
    "amount_max": "amount__lte",
}


class WaitSerializer(serializers.Serializer[Any]):
    """Query parameters of one payment: whether to wait for news of it."""

    wait = serializers.FloatField(
        required=False,
        min_value=0,
        help_text="Answer when the revision changes, or after so many seconds; 30 at most.",
    )
    revision = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=2_147_483_647,
        help_text="The revision you know: a higher one is answered at once. "
        "Left out: the one at the time of the request.",
    )
