"""Filters of Django admin's list of payments: none reads the whole table."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final, Literal

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kafka_bridge.read_only_admin import ValueFilter
from payment_project.payments import selectors
from payment_project.payments.models import Payment

_RANGE: Final = re.compile(r"\s*(\d{0,12})\s*(-?)\s*(\d{0,12})\s*")


class _ValueFilter(ValueFilter):
    column: ClassVar[Literal["currency", "decline_code"]]

    def values(self) -> Iterable[str]:
        """Return the values there are."""
        return selectors.values_of(self.column)


class CurrencyFilter(_ValueFilter):
    """By currency."""

    title = parameter_name = column = "currency"


class DeclineCodeFilter(_ValueFilter):
    """By decline code."""

    title = "decline code"
    parameter_name = column = "decline_code"


class AmountFilter(admin.SimpleListFilter):
    """By amount, in minor units: `1999`, `1000-5000`, `1000-` or `-5000`."""

    title = parameter_name = "amount"
    template = "admin/payments/payment/amount_filter.html"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Offer a field instead of choices."""
        return [("", "any")]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        """Give the field what it holds, and the other filters to keep."""
        others = changelist.get_query_string(remove=[self.parameter_name])
        yield {
            "value": self.value() or "",
            "query_string": others,
            "others": [
                (name, value)
                for name, values in changelist.get_filters_params().items()
                if name != self.parameter_name
                for value in (values if isinstance(values, list) else [values])
            ],
        }

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        """Keep the payments within the amounts; what is no range keeps none."""
        if not self.value():
            return queryset
        found = _RANGE.fullmatch(self.value() or "")
        if found is None or not (found[1] or found[3]):
            return queryset.none()
        least, dash, most = found.groups()
        if not dash:
            return queryset.filter(amount=least)
        if least:
            queryset = queryset.filter(amount__gte=least)
        return queryset.filter(amount__lte=most) if most else queryset
