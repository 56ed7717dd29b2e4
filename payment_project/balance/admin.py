"""The balance at Stripe in the payment service's Django admin."""

from django.contrib import admin

from kafka_bridge.read_only_admin import ReadOnlyAdmin
from payment_project.balance.models import BalanceTransaction


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(ReadOnlyAdmin[BalanceTransaction]):
    """What the balance moved by, and for which payment."""

    list_display = ("occurred_at", "reporting_category", "amount", "fee", "net", "currency", "id")
    search_fields = ("=id", "=source_id", "=payment_id")
    search_help_text = "In full: txn_…, ch_…, re_…, dp_…, po_…, or a payment's id"
    ordering = ("-occurred_at",)
