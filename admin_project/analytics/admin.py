"""Payments with their figures, subscriptions, and the operator's exchange rates."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from admin_project.analytics import selectors
from admin_project.analytics.filters import (
    CurrencyFilter,
    DeclineCodeFilter,
    StatusFilter,
    TypeFilter,
)
from admin_project.analytics.models import ExchangeRate, PaymentFact, SubscriptionFact
from admin_project.money import money
from kafka_bridge.read_only_admin import FirstPages, ReadOnlyAdmin


@admin.register(PaymentFact)
class PaymentFactAdmin(ReadOnlyAdmin[PaymentFact]):
    """Payments, with their counts above the list."""

    change_list_template = "admin/analytics/paymentfact/change_list.html"
    list_display = ("payment_id", "status", "money", "taken", "card_brand", "requested_at")
    list_filter = (StatusFilter, CurrencyFilter, TypeFilter, DeclineCodeFilter)
    show_facets = admin.ShowFacets.NEVER  # they count
    paginator = FirstPages
    search_fields = ("=payment_id",)
    ordering = ("-requested_at",)

    @admin.display(description="amount")
    def money(self, fact: PaymentFact) -> str:
        """Write the amount in its currency's units."""
        return money(fact.amount, fact.currency)

    @admin.display(description="captured")
    def taken(self, fact: PaymentFact) -> str:
        """Write what was captured in its currency's units."""
        return money(fact.captured, fact.currency) if fact.captured else ""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list under the figures."""
        figures = {"figures": selectors.payment_figures()}
        return super().changelist_view(request, {**(extra_context or {}), **figures})


@admin.register(SubscriptionFact)
class SubscriptionFactAdmin(ReadOnlyAdmin[SubscriptionFact]):
    """Subscriptions, and what each brings a month."""

    list_display = ("subscription_id", "status", "plan", "monthly", "changed_at")
    list_filter = ("status", "currency")
    search_fields = ("=subscription_id",)
    ordering = ("-subscription_id",)  # UUIDv7: the newest first

    @admin.display(description="MRR")
    def monthly(self, fact: SubscriptionFact) -> str:
        """Write what it brings a month in its currency's units."""
        return money(fact.mrr, fact.currency) if fact.currency else ""


@admin.register(ExchangeRate)
class ExchangeRateAdmin(admin.ModelAdmin[ExchangeRate]):
    """What figures of several currencies are added up by."""

    list_display = ("currency", "into", "rate", "valid_from")
    list_filter = ("currency", "into")
    ordering = ("currency", "into", "-valid_from")
