"""Subscriptions, and the dunning policy, in the payment service's Django admin."""

from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.forms import model_to_dict
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from kafka_bridge.admin.events import shortened
from kafka_bridge.admin.inbox import operator
from payment_project.history_admin import HistoryAdmin
from payment_project.payments.money import written
from payment_project.subscriptions import selectors, services
from payment_project.subscriptions.forms import ConfirmForm
from payment_project.subscriptions.models import DunningPolicy, Subscription

_CHANGE: Final = "subscriptions.change_at_stripe"


@admin.register(Subscription)
class SubscriptionAdmin(HistoryAdmin[Subscription]):
    """Find a subscription by any of its ids, see all that happened to it, and change it."""

    list_display = ("created", "subscription_plan_id", "money", "status", "short_id", "at_stripe")
    list_filter = ("status", "paused", "cancel_at_period_end", "created_at")
    search_help_text = (
        "In full: a subscription, event or correlation id, a customer, or Stripe's sub_…, in_… or "
        "pi_…"
    )
    stripe_id = "stripe_subscription_id"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("subscription_plan_id", "money", "interval_count", "interval", "status"),
                    *("paused", "cancel_at_period_end", "unpaid_since", "unpaid_attempts"),
                    *("error_code", "decline_code", "error_message"),
                )
            },
        ),
        (
            "Who and until when",
            {
                "fields": (
                    *("customer_id", "card_country", "started_at", "current_period_start"),
                    *("current_period_end", "trial_end", "cancel_at", "canceled_at", "ended_at"),
                    "cancellation_reason",
                )
            },
        ),
        (
            "Ids and times",
            {
                "fields": (
                    *("id", "stripe_subscription_id", "request_event_id", "correlation_id"),
                    *("revision", "requested_at", "created_at", "updated_at"),
                )
            },
        ),
    )
    change_form_template = "admin/subscriptions/subscription/change_form.html"

    @admin.display(description="price")
    def money(self, row: Subscription) -> str:
        """Write what one interval costs, in the currency's units."""
        return f"{row.quantity} x {written(row.amount, row.currency)}"

    @admin.display(description="subscription")
    def short_id(self, row: Subscription) -> SafeString:
        """Show the end of our id, which differs."""
        return shortened(str(row.id))

    def meant_by(self, term: str) -> Q | None:
        """Read Stripe's id of an invoice or of its PaymentIntent."""
        subscription_id = selectors.subscription_of_stripes(term)
        return Q(id=subscription_id) if subscription_id else None

    def get_urls(self) -> list[URLPattern]:
        """Give changes an address."""
        view = self.admin_site.admin_view(self.ask_view)
        ask = path("<uuid:pk>/ask/<slug:name>/", view, name="subscriptions_subscription_ask")
        return [ask, *super().get_urls()]

    def ask_view(self, request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
        """Ask whether it is meant, then publish what the subscription is to become."""
        if not (self.has_view_permission(request) and request.user.has_perm(_CHANGE)):
            raise PermissionDenied
        row, change = self.get_object(request, str(pk)), services.CHANGES.get(name)
        if row is None or change is None:
            raise Http404(f"There is no subscription {pk}, or no change {name}.")
        back = reverse("admin:subscriptions_subscription_change", args=[pk])
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            asked = services.request_change(
                subscription=row, change=change, by=operator(request), **form.cleaned_data
            )
            text = f"{change.label}: on its way." if asked else "This was asked for already."
            messages.success(request, text)
            return HttpResponseRedirect(back)
        return self.page(
            request,
            "admin/subscriptions/subscription/ask.html",
            title=f"{change.label}: {row}?",
            subscription=row,
            change=change,
            form=form,
            back=back,
        )

    def story(self, request: HttpRequest, row: Subscription) -> dict[str, Any]:
        """Show its invoices, and what it can be made to do."""
        possible = services.possible_changes(row) if request.user.has_perm(_CHANGE) else []
        return {
            "title": "Subscription",
            "subtitle": f"{row.subscription_plan_id}, {row.status}",
            "changes": [(name, services.CHANGES[name].label) for name in possible],
            "invoices": [
                (
                    invoice,
                    written(invoice.amount_due, invoice.currency),
                    written(invoice.amount_paid, invoice.currency),
                )
                for invoice in row.invoices.order_by("-created_at")[:100]
            ],
        }


@admin.register(DunningPolicy)
class DunningPolicyAdmin(admin.ModelAdmin[DunningPolicy]):
    """The one policy in place of the settings'; deleted, theirs is in force again."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let there be one."""
        return super().has_add_permission(request) and not DunningPolicy.objects.exists()

    def get_changeform_initial_data(self, _request: HttpRequest) -> dict[str, Any]:
        """Begin with the settings' policy."""
        return model_to_dict(services.policy_of_settings())
