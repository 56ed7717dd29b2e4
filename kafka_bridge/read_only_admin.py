"""Django admin for what only events may change."""

import contextlib
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Model)


class FirstPages(Paginator[Any]):
    """Pages over the first rows of a list: counting a million takes longer than anybody waits."""

    most: ClassVar = 2_000

    @cached_property
    def count(self) -> int:
        """Count the rows, up to `most`."""
        rows: Any = self.object_list
        return int(rows.order_by()[: self.most].count())


class ValueFilter(admin.SimpleListFilter):
    """Keeps the rows with a value of `column`; `values` offers some without reading them all."""

    column: ClassVar[str]

    def values(self) -> Iterable[str]:
        """Return what to choose from."""
        raise NotImplementedError

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        """Offer the values as they are."""
        return [(value, value) for value in self.values()]

    def has_output(self) -> bool:
        """Show it always, so that nobody looks for it."""
        return True

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows with the chosen value."""
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """Lists, searches and shows; adds, changes and deletes nothing. Counts no million rows."""

    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """Find by whole values where all fields are named with `=`, as they are in their indexes.

        Django would compare their upper case, and read every row for it.
        """
        names = list(self.get_search_fields(request))
        term = search_term.strip()
        if not term or not all(name.startswith("=") and "__" not in name for name in names):
            return super().get_search_results(request, queryset, search_term)
        wanted = Q(pk__in=[])
        for name in names:
            field: Any = self.opts.get_field(name.removeprefix("="))
            with contextlib.suppress(ValidationError):
                wanted |= Q(**{field.name: field.to_python(term)})
        return queryset.filter(wanted), False

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Events add."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: M | None = None) -> bool:
        """Events change."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: M | None = None) -> bool:
        """What happened stays on record."""
        return False


class ReadOnlyInline(admin.TabularInline[M, P]):
    """Rows of another row that only events may change, too."""

    extra = 0

    def has_add_permission(self, _request: HttpRequest, _obj: P | None = None) -> bool:
        """Events add."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: P | None = None) -> bool:
        """Events change."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: P | None = None) -> bool:
        """What happened stays on record."""
        return False
