"""Plans and subscriptions in Django admin."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import URLField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.dateparse import parse_datetime

from customer_project.customers.admin import OfCustomersAdmin
from customer_project.payments.errors import StateConflict
from customer_project.payments.money import formatted
from customer_project.subscriptions import selectors, services
from customer_project.subscriptions.forms import FORMS, ConfirmForm
from customer_project.subscriptions.models import Invoice, Plan, Subscription, SubscriptionEvent
from kafka_bridge.admin.inbox import operator
from kafka_bridge.read_only_admin import ReadOnlyInline

_CHANGE: Final = "subscriptions.change_at_stripe"
_CHANGED_MEANWHILE: Final = "The subscription or the plan has changed since that was asked."


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


class InvoiceInline(ReadOnlyInline[Invoice, Subscription]):
    """A subscription's invoices."""

    model = Invoice
    fields = (
        *("number", "status", "amount_due", "amount_paid", "amount_refunded", "currency"),
        *("dispute_status", "attempt", "error_code"),
    )


class SubscriptionEventInline(ReadOnlyInline[SubscriptionEvent, Subscription]):
    """A subscription's history."""

    model = SubscriptionEvent
    fields = ("at", "what", "source", "status", "refused", "error_code", "revision")


@admin.register(Subscription)
class SubscriptionAdmin(OfCustomersAdmin[Subscription]):
    """Find a customer's subscriptions, with their invoices and history, and change them."""

    list_display = ("id", "subscription_plan_id", "status", "price", "customer", "created_at")
    list_filter = ("status",)
    search_fields = our_ids = ("id", "correlation_id")
    stripe_id, prefixes = "stripe_subscription_id", ("sub_",)
    search_help_text = "An id, sub_…, or the customer's e-mail address or name, in full"
    exclude = ("client_secret", "next_action")
    formfield_overrides: ClassVar = {URLField: {"assume_scheme": "https"}}
    inlines = (InvoiceInline, SubscriptionEventInline)
    change_form_template = "admin/subscriptions/subscription/change_form.html"

    class Media:
        css: ClassVar = {"all": ["kafka_bridge/admin.css"]}

    @admin.display(ordering="amount")
    def price(self, subscription: Subscription) -> str:
        """The price of one unit as people write it."""
        return formatted(subscription.amount, subscription.currency)

    def get_urls(self) -> list[URLPattern]:
        """Give changes an address, and what a change of plan costs."""
        site, name = self.admin_site, "subscriptions_subscription"
        ask = site.admin_view(self.ask_view)
        costs = site.admin_view(self.costs_view)
        return [
            path("<uuid:pk>/ask/<slug:name>/", ask, name=f"{name}_ask"),
            path("<uuid:pk>/costs/<uuid:asked>/<int:version>/", costs, name=f"{name}_costs"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a subscription, and what it can be made to do."""
        row = self.get_object(request, unquote(object_id))
        may_change = row is not None and request.user.has_perm(_CHANGE)
        possible = services.possible_changes(row) if row and may_change else []
        changes = [(name, services.CHANGES[name].label) for name in possible]
        context = {"changes": changes, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def ask_view(self, request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
        """Ask whether it is meant, and for the plan or card, then publish it."""
        row, change = self._row(request, pk), services.CHANGES.get(name)
        if change is None:
            raise Http404(f"There is no change {name}.")
        asked = request.POST if request.method == "POST" else None
        form = FORMS[name](asked, subscription=row) if name in FORMS else ConfirmForm(asked)
        if form.is_valid():
            update = services.Update(
                action=change.action, at_period_end=change.at_period_end, **form.cleaned_data
            )
            is_asked = self._ask(request, row, update, label=change.label)
            if is_asked and update.plan:
                seen = (update.event_id, update.plan.version)
                return redirect("admin:subscriptions_subscription_costs", pk, *seen)
            return redirect("admin:subscriptions_subscription_change", pk)
        return self._page(request, row, label=change.label, text=change.warning, form=form)

    def costs_view(self, request: HttpRequest, pk: UUID, asked: UUID, version: int) -> HttpResponse:
        """Show what a version of another plan costs, once Stripe has told, and ask whether."""
        answer = selectors.answer_to(pk, asked)
        row, label = self._row(request, pk), services.CHANGES["plan"].label
        if answer is None:
            page = self._page(request, row, label=label, text="Stripe is being asked…")
            page.headers["Refresh"] = "1"
            return page
        preview = selectors.preview_of(row, asked)
        slug = preview["subscription_plan_id"] if preview else ""
        plan = selectors.plans_on_offer().filter(slug=slug, version=version).first()
        if preview is None or plan is None:
            text = answer.refused or _CHANGED_MEANWHILE
            return self._page(request, row, label=label, text=text)
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            update = services.Update(
                action="change_plan",
                plan=plan,
                proration_date=parse_datetime(preview["proration_date"]),
                **form.cleaned_data,
            )
            self._ask(request, row, update, label=label)
            return redirect("admin:subscriptions_subscription_change", pk)
        costs = formatted(preview["amount_due"], preview["currency"])
        text = f"From {row.subscription_plan_id} to {slug}: {costs} now."
        return self._page(request, row, label=label, text=text, form=form)

    def _row(self, request: HttpRequest, pk: UUID) -> Subscription:
        if not (self.has_view_permission(request) and request.user.has_perm(_CHANGE)):
            raise PermissionDenied
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404(f"There is no subscription {pk}.")
        return row

    def _ask(
        self, request: HttpRequest, row: Subscription, update: services.Update, *, label: str
    ) -> bool:
        """Ask for a change once and log it; return False if it cannot be, and say why."""
        try:
            with transaction.atomic():
                if not services.ask_once(row, update, by=operator(request)):
                    messages.warning(request, "This was asked for already.")
                elif update.action != "preview_plan":
                    self.log_change(request, row, f"Asked for: {label}, {update.event_id}.")
                    messages.success(request, f"{label}: on its way.")
        except StateConflict as error:
            messages.error(request, f"{label}: {error.detail}")
            return False
        return True

    def _page(
        self,
        request: HttpRequest,
        row: Subscription,
        *,
        label: str,
        text: str,
        form: ConfirmForm | None = None,
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"{label}: {row}?",
            "subscription": row,
            "label": label,
            "text": text,
            "form": form,
        }
        return TemplateResponse(request, "admin/subscriptions/subscription/ask.html", context)
