"""E-mails in Django admin."""

from django.contrib import admin

from customer_project.emails.models import Email
from kafka_bridge.read_only_admin import ReadOnlyAdmin


@admin.register(Email)
class EmailAdmin(ReadOnlyAdmin[Email]):
    """See what customers were told, and what could not be sent."""

    list_display = (
        "queued_at",
        "kind",
        "payment_id",
        "subscription_id",
        "sent_at",
        "attempts",
        "error",
    )
    list_filter = ("kind",)
    search_fields = ("payment__id__exact", "subscription__id__exact")
    search_help_text = "A payment's or a subscription's id, in full"
    ordering = ("-id",)
    raw_id_fields = ("payment", "subscription")
