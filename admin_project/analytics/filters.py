"""Filters of Django admin's list of payments: none reads the whole table for its values."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from admin_project.analytics.models import Grain, PaymentAggregate, PaymentFact
from kafka_bridge.contracts import PaymentStatus

_Values = list[tuple[str, str]]


class _FactFilter(admin.SimpleListFilter):
    column: ClassVar[str]

    def has_output(self) -> bool:
        """Show it always, so that nobody looks for it."""
        return True

    def queryset(
        self, _request: HttpRequest, queryset: QuerySet[PaymentFact]
    ) -> QuerySet[PaymentFact]:
        """Keep the payments with the chosen value."""
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class StatusFilter(_FactFilter):
    """By status."""

    title = parameter_name = column = "status"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> _Values:
        """Offer every status."""
        return [(status.value, status.value.replace("_", " ")) for status in PaymentStatus]


class CurrencyFilter(_FactFilter):
    """By currency."""

    title = parameter_name = column = "currency"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> _Values:
        """Offer the currencies of the sums by month."""
        return _of_sums(PaymentAggregate.Dimension.ALL, "currency")


class DeclineCodeFilter(_FactFilter):
    """By decline code."""

    title = "decline code"
    parameter_name = column = "decline_code"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> _Values:
        """Offer the decline codes of the sums by month."""
        return _of_sums(PaymentAggregate.Dimension.DECLINE_CODE, "value")


def _of_sums(dimension: str, column: str) -> _Values:
    sums = PaymentAggregate.objects.filter(grain=Grain.MONTH, dimension=dimension)
    values = sums.order_by(column).values_list(column, flat=True).distinct()
    return [(value, value) for value in values]
