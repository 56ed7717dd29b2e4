"""The ledger in Django admin."""

from django.contrib import admin

from admin_project.ledger.models import BalanceTransaction, Entry, StripeCount
from kafka_bridge.read_only_admin import ReadOnlyAdmin


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(ReadOnlyAdmin[BalanceTransaction]):
    """What moved Stripe's balance, and the entries that it made."""

    list_display = (
        "balance_transaction_id",
        "reporting_category",
        "net",
        "currency",
        "occurred_at",
    )
    search_fields = ("=balance_transaction_id", "=payment_id")
    ordering = ("-occurred_at",)
    readonly_fields = ("entries",)

    @admin.display(description="Entries")
    def entries(self, transaction: BalanceTransaction) -> str:
        """Return the entries, which sum to zero."""
        entries = Entry.objects.filter(
            balance_transaction_id=transaction.balance_transaction_id
        ).order_by("line")
        return ", ".join(str(entry) for entry in entries)


@admin.register(StripeCount)
class StripeCountAdmin(ReadOnlyAdmin[StripeCount]):
    """What Stripe listed of each day, which the ledger is compared with."""

    list_display = ("day", "until", "currencies", "counted_at")
    ordering = ("-day",)
