"""Reconciliation in the payment service's Django admin."""

from django.contrib import admin

from kafka_bridge.read_only_admin import ReadOnlyAdmin
from payment_project.reconciliation.models import Divergence, Run


@admin.register(Divergence)
class DivergenceAdmin(ReadOnlyAdmin[Divergence]):
    """What was found to be otherwise at Stripe, by kind."""

    list_display = ("found_at", "kind", "object_id", "detail", "resolved_at")
    list_filter = ("kind", ("resolved_at", admin.EmptyFieldListFilter))
    search_fields = ("=object_id",)
    ordering = ("-id",)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin[Run]):
    """Each comparison with Stripe."""

    list_display = ("started_at", "finished_at", "looked_at", "found", "elsewhere_made")
    ordering = ("-started_at",)
