"""A payment's own page: the receipt, and where a customer comes whom their bank has missed.

E-mails lead here.
"""

import contextlib
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from customer_project.checkout.declines import why_it_failed
from customer_project.checkout.forms import AnsweredForm
from customer_project.checkout.views import for_customers
from customer_project.customers.models import Customer
from customer_project.payments.errors import NothingToConfirm
from customer_project.payments.models import Payment
from customer_project.payments.services import confirm_payment
from kafka_bridge.contracts import PaymentStatus

_WAITING: Final = (PaymentStatus.REQUESTED, PaymentStatus.PROCESSING)
_AT_THE_BANK: Final = (PaymentStatus.REQUIRES_ACTION, PaymentStatus.REQUIRES_CONFIRMATION)
_PAID: Final = (PaymentStatus.SUCCEEDED, PaymentStatus.REQUIRES_CAPTURE)


@require_safe
@for_customers
def payment(request: HttpRequest, customer: Customer, payment_id: UUID) -> HttpResponse:
    """Show a payment; if its customer is on the way to the bank, the page's script leads there.

    `going` and `answered` are the revisions at which they asked to go, and came back: until a
    newer one comes, the page waits. A redirect would end the form's way, whose end is ours alone
    (`form-action`).
    """
    shown = _payment(customer, payment_id)
    going, answered = _revision(request, "going"), _revision(request, "answered")
    context = {
        "payment": shown,
        "bank": _bank_url(shown),
        "is_going": going is not None and shown.revision > going,
        "paid": shown.status in _PAID,
        "waiting": shown.status in _WAITING or shown.revision in (going, answered),
        "can_go_on": shown.bank_missed_its_customer or shown.status in _AT_THE_BANK,
        "problem": why_it_failed(shown),
    }
    return render(request, "checkout/payment.html", context)


@require_POST
@for_customers
def go_on(request: HttpRequest, customer: Customer, payment_id: UUID) -> HttpResponse:
    """Have the payment begin anew with its customer here; a double click begins once."""
    shown = _payment(customer, payment_id)
    url = request.build_absolute_uri(reverse("payment-return", args=[payment_id]))
    return _confirm(shown, key=f"go-on:{shown.revision}", parameter="going", return_url=url)


@require_safe
@for_customers
def come_back(_request: HttpRequest, customer: Customer, payment_id: UUID) -> HttpResponse:
    """Go on with the payment: the customer comes back from their bank's page."""
    shown = _payment(customer, payment_id)
    return _confirm(shown, key=f"return:{shown.revision}", parameter="answered")


def _confirm(
    shown: Payment, *, key: str, parameter: str, return_url: str | None = None
) -> HttpResponse:
    page = reverse("payment", args=[shown.pk])
    with contextlib.suppress(NothingToConfirm):  # a webhook was faster
        confirm_payment(payment=shown, idempotency_key=key, return_url=return_url)
        return redirect(f"{page}?{parameter}={shown.revision}")
    return redirect(page)


def _payment(customer: Customer, payment_id: UUID) -> Payment:
    return get_object_or_404(Payment, customer=customer, pk=payment_id)


def _revision(request: HttpRequest, name: str) -> int | None:
    form = AnsweredForm({"answered": request.GET.get(name, "")})
    return form.cleaned_data["answered"] if form.is_valid() else None


def _bank_url(shown: Payment) -> str:
    """Return the bank's page, where the payment was confirmed with an address to return to."""
    if shown.status != PaymentStatus.REQUIRES_ACTION:
        return ""
    redirect_to = (shown.next_action or {}).get("redirect_to_url") or {}
    return str(redirect_to.get("url") or "")
