"""Webhook events in the payment service's Django admin."""

from django.contrib import admin

from kafka_bridge.read_only_admin import ReadOnlyAdmin
from payment_project.webhooks.models import WebhookEvent


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin[WebhookEvent]):
    """What Stripe told, and what became of it."""

    list_display = ("processed_at", "type", "outcome", "reason", "object_id", "id")
    list_filter = ("outcome",)
    search_fields = ("=id", "=object_id", "=customer_id", "=type")
    search_help_text = "In full: evt_…, the object's pi_…, sub_…, pm_… or cus_…, a customer, a type"
    ordering = ("-processed_at",)
    show_facets = admin.ShowFacets.NEVER  # they count
