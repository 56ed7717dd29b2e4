"""Payments in the customer service's Django admin."""

from django.contrib import admin

from customer_project.payments.models import Payment
from kafka_bridge.read_only_admin import ReadOnlyAdmin


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin[Payment]):
    """Find a payment by its id, Stripe's, or the correlation id."""

    list_display = ("id", "status", "amount", "currency", "customer", "created_at")
    list_filter = ("status", "currency")
    search_fields = ("=id", "=payment_intent_id", "=correlation_id", "customer__email")
    list_select_related = ("customer",)
