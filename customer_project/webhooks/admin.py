"""Refused deliveries in the customer service's Django admin."""

from django.contrib import admin

from customer_project.webhooks.models import RefusedDelivery
from kafka_bridge.read_only_admin import ReadOnlyAdmin


@admin.register(RefusedDelivery)
class RefusedDeliveryAdmin(ReadOnlyAdmin[RefusedDelivery]):
    """What was delivered and is not Stripe's, or is too large."""

    list_display = ("hour", "reason", "count")
    list_filter = ("reason",)
    ordering = ("-hour", "reason")
