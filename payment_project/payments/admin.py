"""Payments in the payment service's Django admin."""

from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from kafka_bridge.admin.events import shortened
from kafka_bridge.admin.inbox import operator
from payment_project.history_admin import HistoryAdmin
from payment_project.payments import selectors, services
from payment_project.payments.filters import AmountFilter, CurrencyFilter, DeclineCodeFilter
from payment_project.payments.forms import RefundForm
from payment_project.payments.models import Payment
from payment_project.payments.money import written

_REFUND: Final = "payments.refund_payment"


@admin.register(Payment)
class PaymentAdmin(HistoryAdmin[Payment]):
    """Find a payment by any of its ids, see all that happened to it, and give it back."""

    list_display = ("created", "money", "status", "decline_code", "short_id", "at_stripe")
    list_filter = (
        "status",
        CurrencyFilter,
        DeclineCodeFilter,
        AmountFilter,
        "created_at",
    )
    search_help_text = (
        "In full: a payment, event or correlation id, a customer, an e-mail address, or Stripe's "
        "pi_…, re_… or dp_…"
    )
    stripe_id = "payment_intent_id"
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

    @admin.display(description="payment")
    def short_id(self, payment: Payment) -> SafeString:
        """Show the end of our id, which differs."""
        return shortened(str(payment.id))

    def meant_by(self, term: str) -> Q | None:
        """Read an e-mail address, or Stripe's id of a refund or dispute."""
        if "@" in term:
            return Q(customer_email=term.lower())
        payment_id = selectors.payment_of_stripes(term)
        return Q(id=payment_id) if payment_id else None

    def get_urls(self) -> list[URLPattern]:
        """Give refunds an address."""
        view = self.admin_site.admin_view(self.refund_view)
        refund = path("<uuid:pk>/refund/", view, name="payments_payment_refund")
        return [refund, *super().get_urls()]

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
        return self.page(
            request,
            "admin/payments/payment/refund.html",
            title=f"Refund a payment of {self.captured(payment)}?",
            payment=payment,
            refunded=self.refunded(payment),
            form=form,
            back=back,
        )

    def story(self, request: HttpRequest, row: Payment) -> dict[str, Any]:
        """Show its refunds and disputes, and whether another refund is possible."""
        left = row.amount_captured - row.amount_refunded
        return {
            "title": "Payment",
            "subtitle": f"{self.money(row)}, {row.status}",
            "may_refund": left > 0 and request.user.has_perm(_REFUND),
            "refunds": [
                (refund, written(refund.amount, row.currency))
                for refund in row.refunds.order_by("created_at")
            ],
            "disputes": [
                (dispute, written(dispute.amount, row.currency))
                for dispute in row.disputes.order_by("created_at")
            ],
        }
