"""Payments in the payment service's Django admin."""

import contextlib
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from kafka_bridge.admin.events import badge, moment, page_of, shortened, state_of
from kafka_bridge.admin.inbox import operator
from kafka_bridge.read_only_admin import ReadOnlyAdmin
from payment_project import history
from payment_project.payments import selectors, services
from payment_project.payments.filters import (
    AmountFilter,
    CurrencyFilter,
    DeclineCodeFilter,
    FirstPages,
)
from payment_project.payments.forms import RefundForm
from payment_project.payments.models import Payment
from payment_project.payments.money import written

_REFUND: Final = "payments.refund_payment"


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin[Payment]):
    """Find a payment by any of its ids, see all that happened to it, and give it back."""

    list_display = ("created", "money", "status", "decline_code", "short_id", "short_stripe_id")
    list_display_links = ("created", "short_id")
    list_filter = (
        "status",
        CurrencyFilter,
        DeclineCodeFilter,
        AmountFilter,
        "created_at",
    )
    search_fields = ("id",)
    search_help_text = (
        "In full: a payment, event or correlation id, a customer, an e-mail address, or Stripe's "
        "pi_…, re_… or dp_…"
    )
    ordering = ("-created_at",)
    paginator = FirstPages
    show_facets = admin.ShowFacets.NEVER  # they count
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("money", "captured", "refunded", "status", "dispute_status", "deadline_at"),
                    *("error_code", "decline_code", "error_message"),
                )
            },
        ),
        (
            "Who and how",
            {
                "fields": (
                    *("customer_id", "customer_email", "card_brand", "card_country"),
                    *("save_card", "off_session"),
                )
            },
        ),
        (
            "Ids and times",
            {
                "fields": (
                    *("id", "payment_intent_id", "request_event_id", "correlation_id", "revision"),
                    *("requested_at", "created_at", "updated_at"),
                )
            },
        ),
    )
    change_form_template = "admin/payments/payment/change_form.html"

    class Media:
        css: ClassVar = {"all": ["kafka_bridge/admin.css"]}

    @admin.display(description="amount")
    def money(self, payment: Payment) -> str:
        """Write the amount in its currency's units."""
        return written(payment.amount, payment.currency)

    @admin.display(description="captured")
    def captured(self, payment: Payment) -> str:
        """Write how much was taken."""
        return written(payment.amount_captured, payment.currency)

    @admin.display(description="refunded")
    def refunded(self, payment: Payment) -> str:
        """Write how much went back."""
        return written(payment.amount_refunded, payment.currency)

    @admin.display(description="created", ordering="created_at")
    def created(self, payment: Payment) -> str:
        """Show when it was recorded, to the second."""
        return moment(payment.created_at)

    @admin.display(description="payment")
    def short_id(self, payment: Payment) -> SafeString:
        """Show the end of our id, which differs."""
        return shortened(str(payment.id))

    @admin.display(description="at Stripe")
    def short_stripe_id(self, payment: Payment) -> SafeString:
        """Show the end of Stripe's id."""
        return shortened(payment.payment_intent_id)

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        """Find by what has an index, as it is written."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(customer_id=term) | Q(payment_intent_id=term)
        if payment_id := selectors.payment_of_stripes(term):
            wanted = Q(id=payment_id)
        if "@" in term:
            wanted = Q(customer_email=term.lower())
        with contextlib.suppress(ValueError):
            same = UUID(term)
            wanted |= Q(id=same) | Q(request_event_id=same) | Q(correlation_id=same)
        return queryset.filter(wanted), False

    def get_urls(self) -> list[URLPattern]:
        """Give refunds an address."""
        view = self.admin_site.admin_view(self.refund_view)
        refund = path("<uuid:pk>/refund/", view, name="payments_payment_refund")
        return [refund, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a payment with its refunds, its disputes and its history."""
        payment = self.get_object(request, unquote(object_id))
        context = self._story(request, payment) if payment else {}
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    def refund_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask how much and why, then publish that the payment is to be refunded."""
        if not (self.has_view_permission(request) and request.user.has_perm(_REFUND)):
            raise PermissionDenied
        payment = self.get_object(request, str(pk))
        if payment is None:
            raise Http404(f"There is no payment {pk}.")
        back = reverse("admin:payments_payment_change", args=[pk])
        form = RefundForm(request.POST if request.method == "POST" else None, payment=payment)
        if form.is_valid():
            asked = services.request_refund(
                payment=payment, by=operator(request), **form.cleaned_data
            )
            text = "The refund is on its way." if asked else "This refund was asked for already."
            messages.success(request, text)
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"Refund a payment of {self.captured(payment)}?",
            "payment": payment,
            "refunded": self.refunded(payment),
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "admin/payments/payment/refund.html", context)

    def _story(self, request: HttpRequest, payment: Payment) -> dict[str, Any]:
        left = payment.amount_captured - payment.amount_refunded
        return {
            "title": "Payment",
            "subtitle": f"{self.money(payment)}, {payment.status}",
            "may_refund": left > 0 and request.user.has_perm(_REFUND),
            "stripe_url": _stripe_url(payment),
            "refunds": [
                (refund, written(refund.amount, payment.currency))
                for refund in payment.refunds.order_by("created_at")
            ],
            "disputes": [
                (dispute, written(dispute.amount, payment.currency))
                for dispute in payment.disputes.order_by("created_at")
            ],
            "hops": [
                (hop, badge(state_of(hop.row)), page_of(hop.row))
                for hop in history.timeline(payment)
            ],
            "entries": LogEntry.objects.filter(
                content_type__app_label="payments",
                content_type__model="payment",
                object_id=str(payment.pk),
            ).select_related("user"),
        }


def _stripe_url(payment: Payment) -> str:
    if not payment.payment_intent_id:
        return ""
    mode = "" if "_live_" in settings.STRIPE_API_KEY else "test/"
    return f"https://dashboard.stripe.com/{mode}payments/{payment.payment_intent_id}"
