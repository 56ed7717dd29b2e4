"""The shop's pages. One fragment says where an order is: within its page, and when that asks."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from customer_project.checkout import selectors, services, stripe_js
from customer_project.checkout.declines import why_it_failed
from customer_project.checkout.forms import AnsweredForm, PayForm
from customer_project.checkout.models import Item, Order
from customer_project.checkout.states import OrderState, state_of
from customer_project.customers.models import Customer
from customer_project.customers.services import remember_language

P = ParamSpec("P")


def for_customers(
    view: Callable[Concatenate[HttpRequest, Customer, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Give the view the customer who is logged in; others log in first. Nothing is cached."""

    @wraps(view)
    @never_cache
    @login_required
    def for_customer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        customer: Customer | None = getattr(request.user, "customer", None)
        if customer is None:
            return render(request, "checkout/no_account.html", status=HTTPStatus.FORBIDDEN)
        return view(request, customer, *args, **kwargs)

    return for_customer


@require_safe
@never_cache
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show what can be bought, and the customer's latest orders."""
    customer: Customer | None = getattr(request.user, "customer", None)
    orders = selectors.latest_orders(customer) if customer else []
    context = {
        "items": selectors.items_on_sale(),
        "orders": [(order, state_of(order)) for order in orders],
    }
    return render(request, "checkout/catalogue.html", context)


@require_POST
@for_customers
def place_order(request: HttpRequest, customer: Customer, slug: str) -> HttpResponse:  # noqa: ARG001
    """Order an item, and go and pay it."""
    item = get_object_or_404(Item, slug=slug, active=True)
    return redirect("order", services.place_order(customer=customer, item=item).id)


@require_safe
@csp_update(stripe_js.policy())  # type: ignore[arg-type] # its types know no view with arguments
@for_customers
def order(request: HttpRequest, customer: Customer, order_id: UUID) -> HttpResponse:
    """Show an order: its form to pay, how far its payment is, or its receipt."""
    shown = _order(customer, order_id)
    options = stripe_js.options(
        amount=shown.amount, currency=shown.currency, language=get_language() or "en"
    )
    context = {
        **_where(request, shown),
        "stripe": options,
        "stripe_js_url": settings.STRIPE_JS_URL,
    }
    return render(request, "checkout/order.html", context)


@require_safe
@for_customers
def status(request: HttpRequest, customer: Customer, order_id: UUID) -> HttpResponse:
    """Tell where the order is."""
    return _fragment(request, _order(customer, order_id))


@require_POST
@for_customers
def pay(request: HttpRequest, customer: Customer, order_id: UUID) -> HttpResponse:
    """Try a payment; repeating this is safe. Answers where the order is then."""
    form = PayForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(form.errors.as_json(), content_type="application/json")
    _order(customer, order_id)
    remember_language(customer, get_language() or "en")
    services.pay_order(
        customer=customer,
        order_id=order_id,
        return_url=request.build_absolute_uri(reverse("order-return", args=[order_id])),
        **form.cleaned_data,
    )
    return _fragment(request, _order(customer, order_id))


@require_POST
@for_customers
def answered(request: HttpRequest, customer: Customer, order_id: UUID) -> HttpResponse:
    """Go on with the payment: the customer has answered their bank within the page."""
    shown = _order(customer, order_id)
    revision = services.customer_is_back(shown)
    return _fragment(request, shown, revision=revision)


@require_safe
@for_customers
def come_back(request: HttpRequest, customer: Customer, order_id: UUID) -> HttpResponse:  # noqa: ARG001
    """Go on with the payment: the customer comes back from their bank's own page."""
    revision = services.customer_is_back(_order(customer, order_id))
    return redirect(f"{reverse('order', args=[order_id])}?answered={revision}")


def _order(customer: Customer, order_id: UUID) -> Order:
    try:
        return selectors.order_of(customer, order_id)
    except Order.DoesNotExist:
        raise Http404 from None


def _fragment(request: HttpRequest, shown: Order, *, revision: int | None = None) -> HttpResponse:
    return render(request, "checkout/_where.html", _where(request, shown, revision=revision))


def _where(request: HttpRequest, shown: Order, *, revision: int | None = None) -> dict[str, object]:
    if revision is None:
        form = AnsweredForm(request.GET)
        revision = form.cleaned_data["answered"] if form.is_valid() else None
    state = state_of(shown, answered=revision)
    failed = state is OrderState.PAYABLE and shown.payment is not None
    return {
        "order": shown,
        "state": state,
        "answered": revision,
        "problem": why_it_failed(shown.payment) if failed and shown.payment else "",
    }
