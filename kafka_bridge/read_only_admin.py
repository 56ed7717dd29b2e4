"""Django admin for what only events may change."""

from typing import TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

M = TypeVar("M", bound=Model)


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """Lists, searches and shows; adds, changes and deletes nothing. Counts no million rows."""

    show_full_result_count = False

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Events add."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: M | None = None) -> bool:
        """Events change."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: M | None = None) -> bool:
        """What happened stays on record."""
        return False
