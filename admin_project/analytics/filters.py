"""Filters of Django admin's list of payments: none reads the whole table for its values."""

from collections.abc import Iterable

from django.http import HttpRequest

from admin_project.analytics.models import Grain, PaymentAggregate
from kafka_bridge.contracts import PaymentStatus
from kafka_bridge.read_only_admin import ValueFilter


class StatusFilter(ValueFilter):
    """By status."""

    title = parameter_name = column = "status"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        """Offer every status."""
        return [(status.value, status.value.replace("_", " ")) for status in PaymentStatus]


class CurrencyFilter(ValueFilter):
    """By currency."""

    title = parameter_name = column = "currency"

    def values(self) -> Iterable[str]:
        """Return the currencies of the sums by month."""
        return _of_sums(PaymentAggregate.Dimension.ALL, "currency")


class TypeFilter(ValueFilter):
    """By type of payment."""

    title = "payment type"
    parameter_name = column = "payment_type"

    def values(self) -> Iterable[str]:
        """Return the types of the sums by month."""
        return _of_sums(PaymentAggregate.Dimension.ALL, "payment_type")


class DeclineCodeFilter(ValueFilter):
    """By decline code."""

    title = "decline code"
    parameter_name = column = "decline_code"

    def values(self) -> Iterable[str]:
        """Return the decline codes of the sums by month."""
        return _of_sums(PaymentAggregate.Dimension.DECLINE_CODE, "value")


def _of_sums(dimension: str, column: str) -> Iterable[str]:
    sums = PaymentAggregate.objects.filter(grain=Grain.MONTH, dimension=dimension)
    return sums.order_by(column).values_list(column, flat=True).distinct()
