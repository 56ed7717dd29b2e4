"""Payments and saved cards in the customer service's Django admin."""

from typing import ClassVar

from django.contrib import admin
from django.utils.translation import get_language, to_locale

from customer_project.customers.admin import OfCustomersAdmin
from customer_project.payments.models import Payment, PaymentEvent, SavedCard
from customer_project.payments.money import formatted
from kafka_bridge.read_only_admin import ReadOnlyInline


def _money(amount: int, currency: str) -> str:
    return formatted(amount, currency, locale=to_locale(get_language() or "en"))


class PaymentEventInline(ReadOnlyInline[PaymentEvent, Payment]):
    """The history of a payment."""

    model = PaymentEvent
    fields = ("at", "what", "source", "money", "status", "revision", "error_code")
    readonly_fields = ("money",)
    ordering = ("id",)
    verbose_name_plural = "history"

    @admin.display(description="amount")
    def money(self, event: PaymentEvent) -> str:
        """What was asked for, or has been captured and refunded since."""
        currency = event.payment.currency
        if event.amount_captured is None:
            return _money(event.amount, currency) if event.amount else ""
        captured = f"{_money(event.amount_captured, currency)} captured"
        if not event.amount_refunded:
            return captured
        return f"{captured}, {_money(event.amount_refunded, currency)} refunded"


@admin.register(Payment)
class PaymentAdmin(OfCustomersAdmin[Payment]):
    """Find a payment by what has an index: ids, and its customer's e-mail address."""

    list_display = ("id", "status", "money", "captured", "refunded", "customer", "created_at")
    list_filter = ("status",)
    search_fields = our_ids = ("id", "correlation_id")
    stripe_id, prefixes = "payment_intent_id", ("pi_",)
    search_help_text = "A payment's id, a correlation id, pi_…, or an e-mail address, in full"
    inlines: ClassVar = [PaymentEventInline]

    @admin.display(description="amount", ordering="amount")
    def money(self, payment: Payment) -> str:
        """What was to be paid."""
        return _money(payment.amount, payment.currency)

    @admin.display(ordering="amount_captured")
    def captured(self, payment: Payment) -> str:
        """What was taken."""
        return _money(payment.amount_captured, payment.currency) if payment.amount_captured else ""

    @admin.display(ordering="amount_refunded")
    def refunded(self, payment: Payment) -> str:
        """What went back."""
        return _money(payment.amount_refunded, payment.currency) if payment.amount_refunded else ""


@admin.register(SavedCard)
class SavedCardAdmin(OfCustomersAdmin[SavedCard]):
    """Find a customer's cards."""

    list_display = (
        *("payment_method_id", "brand", "last4", "exp_month", "exp_year", "customer"),
        *("saved_at", "detached_at"),
    )
    search_fields = ("payment_method_id",)
    stripe_id, prefixes = "payment_method_id", ("pm_", "card_", "src_")
    search_help_text = "pm_…, or the customer's e-mail address, in full"
