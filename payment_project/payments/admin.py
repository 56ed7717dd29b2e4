"""Payments in the payment service's Django admin."""

from django.contrib import admin

from kafka_bridge.read_only_admin import ReadOnlyAdmin
from payment_project.payments.models import Payment


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin[Payment]):
    """Find a payment by any of its ids."""

    list_display = (
        "id",
        "status",
        "amount",
        "currency",
        "decline_code",
        "payment_intent_id",
        "created_at",
    )
    list_filter = ("status", "currency", "decline_code", "created_at")
    search_fields = (
        "=id",
        "=payment_intent_id",
        "=customer_id",
        "=request_event_id",
        "=correlation_id",
    )
