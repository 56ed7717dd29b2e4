"""Subscriptions, and the dunning policy, in the payment service's Django admin."""

import contextlib
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.forms import model_to_dict
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from kafka_bridge.admin.events import badge, moment, page_of, shortened, state_of
from kafka_bridge.admin.inbox import operator
from kafka_bridge.read_only_admin import ReadOnlyAdmin
from payment_project import history
from payment_project.payments.filters import FirstPages
from payment_project.payments.money import written
from payment_project.subscriptions import selectors, services
from payment_project.subscriptions.forms import ConfirmForm
from payment_project.subscriptions.models import DunningPolicy, Subscription

_CHANGE: Final = "subscriptions.change_at_stripe"


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin[Subscription]):
    """Find a subscription by any of its ids, see all that happened to it, and change it."""

    list_display = ("created", "subscription_plan_id", "money", "status", "short_id", "at_stripe")
    list_display_links = ("created", "short_id")
    list_filter = ("status", "paused", "cancel_at_period_end", "created_at")
    search_fields = ("id",)
    search_help_text = (
        "In full: a subscription, event or correlation id, a customer, or Stripe's sub_…, in_… or "
        "pi_…"
    )
    ordering = ("-created_at",)
    paginator = FirstPages
    show_facets = admin.ShowFacets.NEVER  # they count
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
                    *("current_period_end", "trial_end", "canceled_at", "ended_at"),
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

    class Media:
        css: ClassVar = {"all": ["kafka_bridge/admin.css"]}

    @admin.display(description="price")
    def money(self, row: Subscription) -> str:
        """Write what one interval costs, in the currency's units."""
        return f"{row.quantity} x {written(row.amount, row.currency)}"

    @admin.display(description="created", ordering="created_at")
    def created(self, row: Subscription) -> str:
        """Show when it was recorded, to the second."""
        return moment(row.created_at)

    @admin.display(description="subscription")
    def short_id(self, row: Subscription) -> SafeString:
        """Show the end of our id, which differs."""
        return shortened(str(row.id))

    @admin.display(description="at Stripe")
    def at_stripe(self, row: Subscription) -> SafeString:
        """Show the end of Stripe's id."""
        return shortened(row.stripe_subscription_id)

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Subscription], search_term: str
    ) -> tuple[QuerySet[Subscription], bool]:
        """Find by what has an index, as it is written."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(customer_id=term) | Q(stripe_subscription_id=term)
        if subscription_id := selectors.subscription_of_stripes(term):
            wanted = Q(id=subscription_id)
        with contextlib.suppress(ValueError):
            same = UUID(term)
            wanted |= Q(id=same) | Q(request_event_id=same) | Q(correlation_id=same)
        return queryset.filter(wanted), False

    def get_urls(self) -> list[URLPattern]:
        """Give changes an address."""
        view = self.admin_site.admin_view(self.ask_view)
        ask = path("<uuid:pk>/ask/<slug:name>/", view, name="subscriptions_subscription_ask")
        return [ask, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a subscription with its invoices and its history."""
        row = self.get_object(request, unquote(object_id))
        context = self._story(request, row) if row else {}
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

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
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"{change.label}: {row}?",
            "subscription": row,
            "change": change,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "admin/subscriptions/subscription/ask.html", context)

    def _story(self, request: HttpRequest, row: Subscription) -> dict[str, Any]:
        possible = services.possible_changes(row) if request.user.has_perm(_CHANGE) else []
        return {
            "title": "Subscription",
            "subtitle": f"{row.subscription_plan_id}, {row.status}",
            "changes": [(name, services.CHANGES[name].label) for name in possible],
            "stripe_url": _stripe_url(row),
            "invoices": [
                (
                    invoice,
                    written(invoice.amount_due, invoice.currency),
                    written(invoice.amount_paid, invoice.currency),
                )
                for invoice in row.invoices.order_by("-created_at")[:100]
            ],
            "hops": [
                (hop, badge(state_of(hop.row)), page_of(hop.row)) for hop in history.timeline(row)
            ],
            "entries": LogEntry.objects.filter(
                content_type__app_label="subscriptions",
                content_type__model="subscription",
                object_id=str(row.pk),
            ).select_related("user"),
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


def _stripe_url(row: Subscription) -> str:
    if not row.stripe_subscription_id:
        return ""
    mode = "" if "_live_" in settings.STRIPE_API_KEY else "test/"
    return f"https://dashboard.stripe.com/{mode}subscriptions/{row.stripe_subscription_id}"
