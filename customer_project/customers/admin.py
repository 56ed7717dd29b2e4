"""Customers in Django admin."""

import contextlib
from typing import ClassVar, TypeVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from customer_project.customers.models import Customer
from kafka_bridge.read_only_admin import ReadOnlyAdmin

M = TypeVar("M", bound=Model)


def customers_found(term: str) -> QuerySet[Customer]:
    """Find customers by id, or by their whole name or e-mail address, in any case: indexes all."""
    with contextlib.suppress(ValueError):
        return Customer.objects.filter(id=UUID(term))
    return Customer.objects.filter(Q(email__iexact=term) | Q(name__iexact=term))


class OfCustomersAdmin(ReadOnlyAdmin[M]):
    """Finds what customers have, by one index at a time: ids of ours or Stripe's, or whose."""

    list_select_related = ("customer",)
    our_ids: ClassVar[tuple[str, ...]] = ()
    stripe_id: ClassVar[str]
    prefixes: ClassVar[tuple[str, ...]]
    """How Stripe's ids begin."""

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        queryset: QuerySet[M],
        search_term: str,
    ) -> tuple[QuerySet[M], bool]:
        """Find by what the term looks like."""
        term = search_term.strip()
        return queryset.filter(self._wanted(term)) if term else queryset, False

    def _wanted(self, term: str) -> Q:
        if term.startswith(self.prefixes):
            return Q(**{self.stripe_id: term})
        if self.our_ids:
            with contextlib.suppress(ValueError):
                return Q(**dict.fromkeys(self.our_ids, UUID(term)), _connector=Q.OR)
        return Q(customer__in=customers_found(term).values("id"))


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin[Customer]):
    """Find a customer by name, e-mail or id."""

    list_display = ("name", "email", "language", "id", "created_at")
    search_fields = ("name",)
    search_help_text = "An id, a name or an e-mail address, in full"
    raw_id_fields = ("user",)
    show_full_result_count = False

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        queryset: QuerySet[Customer],
        search_term: str,
    ) -> tuple[QuerySet[Customer], bool]:
        """Find by what has an index."""
        term = search_term.strip()
        found = queryset.filter(id__in=customers_found(term).values("id")) if term else queryset
        return found, False
