"""The event log in Django admin."""

from django.contrib import admin

from admin_project.event_log.models import LoggedEvent
from kafka_bridge.read_only_admin import ReadOnlyAdmin


@admin.register(LoggedEvent)
class LoggedEventAdmin(ReadOnlyAdmin[LoggedEvent]):
    """Find what happened to a customer, a payment, or after an event."""

    list_display = ("occurred_at", "topic", "customer_id", "correlation_id", "event_id")
    list_filter = ("topic", "source")
    search_fields = ("=event_id", "=correlation_id", "=causation_id", "=customer_id")
    ordering = ("-occurred_at",)
