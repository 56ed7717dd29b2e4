"""Stripe's Customers and saved cards in the payment service's Django admin."""

from django.contrib import admin

from kafka_bridge.read_only_admin import ReadOnlyAdmin
from payment_project.customers.models import SavedCard, StripeCustomer


@admin.register(StripeCustomer)
class StripeCustomerAdmin(ReadOnlyAdmin[StripeCustomer]):
    """Who is who at Stripe."""

    list_display = ("customer_id", "stripe_customer_id", "created_at")
    search_fields = ("=customer_id", "=stripe_customer_id")
    ordering = ("customer_id",)


@admin.register(SavedCard)
class SavedCardAdmin(ReadOnlyAdmin[SavedCard]):
    """The cards that customers may be charged with."""

    list_display = (
        *("payment_method_id", "customer_id", "brand", "last4", "exp_month", "exp_year"),
        "detached_at",
    )
    search_fields = ("=payment_method_id", "=customer_id")
    ordering = ("payment_method_id",)
