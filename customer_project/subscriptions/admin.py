"""Plans and subscriptions in Django admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from customer_project.customers.admin import OfCustomersAdmin
from customer_project.payments.money import formatted
from customer_project.subscriptions import services
from customer_project.subscriptions.models import Invoice, Plan, Subscription, SubscriptionEvent


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin[Plan]):
    """Change what is on offer, and for how much; subscriptions that run keep their price."""

    list_display = ("slug", "name_en", "price", "every", "trial_days", "version", "active")
    readonly_fields = ("version",)
    prepopulated_fields = {"slug": ("name_en",)}  # noqa: RUF012 - Django's own way

    @admin.display(ordering="amount")
    def price(self, plan: Plan) -> str:
        """The price as people write it."""
        return formatted(plan.amount, plan.currency)

    @admin.display()
    def every(self, plan: Plan) -> str:
        """How often it is paid."""
        return f"{plan.interval_count} {plan.interval}"

    def get_readonly_fields(self, request: HttpRequest, obj: Plan | None = None) -> Any:
        """Keep the slug: events and Stripe know the plan by it."""
        fixed = super().get_readonly_fields(request, obj)
        return (*fixed, "slug") if obj else fixed

    def get_prepopulated_fields(self, request: HttpRequest, obj: Plan | None = None) -> Any:
        """Propose a slug for a new plan only."""
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:  # noqa: ARG002 - Django's signature
        """Save it, in another version if the price is another."""
        services.save_plan(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:  # noqa: ARG002
        """Refuse: subscriptions name it. What is no longer active is no longer on offer."""
        return False


class InvoiceInline(admin.TabularInline[Invoice, Subscription]):
    """A subscription's invoices."""

    model = Invoice
    fields = (
        *("number", "status", "amount_due", "amount_paid", "amount_refunded", "currency"),
        *("dispute_status", "attempt", "error_code"),
    )
    can_delete = False
    extra = 0


class SubscriptionEventInline(admin.TabularInline[SubscriptionEvent, Subscription]):
    """A subscription's history."""

    model = SubscriptionEvent
    fields = ("at", "what", "source", "status", "refused", "error_code", "revision")
    can_delete = False
    extra = 0


@admin.register(Subscription)
class SubscriptionAdmin(OfCustomersAdmin[Subscription]):
    """Find a customer's subscriptions, with their invoices and history."""

    list_display = ("id", "subscription_plan_id", "status", "price", "customer", "created_at")
    list_filter = ("status",)
    search_fields = our_ids = ("id", "correlation_id")
    stripe_id, prefixes = "stripe_subscription_id", ("sub_",)
    search_help_text = "An id, sub_…, or the customer's e-mail address or name, in full"
    exclude = ("client_secret", "next_action")
    inlines = (InvoiceInline, SubscriptionEventInline)

    @admin.display(ordering="amount")
    def price(self, subscription: Subscription) -> str:
        """The price of one unit as people write it."""
        return formatted(subscription.amount, subscription.currency)
