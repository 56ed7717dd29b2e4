"""The pages of plans and subscriptions. One fragment says how a subscription is."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from customer_project.checkout import stripe_js
from customer_project.checkout.forms import AnsweredForm, PayForm
from customer_project.checkout.subscriptions import selectors, services
from customer_project.checkout.subscriptions.errors import NotAsOffered
from customer_project.checkout.subscriptions.forms import ChangeForm, SubscribeForm
from customer_project.checkout.subscriptions.states import Step, shown
from customer_project.checkout.views import for_customers
from customer_project.customers.models import Customer
from customer_project.customers.services import remember_language
from customer_project.subscriptions.models import Plan, Subscription
from customer_project.subscriptions.selectors import (
    invoices_of,
    latest_subscriptions,
    plan_named,
    plans_on_offer,
    running_subscription,
    subscription_of,
    trial_days_left,
)
from customer_project.subscriptions.services import Update

_NOT_AS_OFFERED: Final = _(
    "The price or the free trial has changed since this page was shown. Nothing was charged: "
    "please look at it again."
)
_NOT_AS_SHOWN: Final = _(
    "The price has changed since it was shown, or that was a while ago. Nothing was charged: "
    "please look at it again."
)


@require_safe
@never_cache
def plans(request: HttpRequest) -> HttpResponse:
    """Show what can be subscribed to, and the customer's latest subscriptions."""
    customer: Customer | None = getattr(request.user, "customer", None)
    latest = latest_subscriptions(customer) if customer else []
    context = {
        "plans": [
            (plan, trial_days_left(customer, plan) if customer else plan.trial_days)
            for plan in plans_on_offer()
        ],
        "subscriptions": [(one, plan_named(one.subscription_plan_id)) for one in latest],
    }
    return render(request, "checkout/plans.html", context)


@require_safe
@csp_update(stripe_js.policy())  # type: ignore[arg-type] # its types know no view with arguments
@for_customers
def plan(request: HttpRequest, customer: Customer, slug: str) -> HttpResponse:
    """Show a plan and the form to subscribe; who has it already is led there."""
    wanted = get_object_or_404(Plan, slug=slug, active=True)
    if known := running_subscription(customer, wanted):
        return redirect("my-subscription", known.pk)
    trial_days = trial_days_left(customer, wanted)
    context = {
        "plan": wanted,
        "priced": wanted,
        "trial_days": trial_days,
        "state": "payable",
        "attempt": selectors.attempts_at(customer, wanted),
        "pay_url": reverse("plan-subscribe", args=[slug]),
        **_stripe(amount=wanted.amount, currency=wanted.currency, setup=bool(trial_days)),
    }
    return render(request, "checkout/subscription.html", context)


@require_POST
@for_customers
def subscribe(request: HttpRequest, customer: Customer, slug: str) -> HttpResponse:
    """Subscribe; repeating this is safe. Answers where the subscription is, and its page."""
    form = SubscribeForm(request.POST)
    if not form.is_valid():
        return _refused(form)
    remember_language(customer, get_language() or "en")
    try:
        subscription = services.subscribe(
            customer=customer,
            plan=get_object_or_404(Plan, slug=slug, active=True),
            attempt=form.cleaned_data["attempt"],
            version=form.cleaned_data["version"],
            trial_days=form.cleaned_data["trial_days"],
            confirmation_token=form.cleaned_data["confirmation_token"],
            return_url=request.build_absolute_uri(reverse("plan-return", args=[slug])),
        )
    except NotAsOffered:
        messages.warning(request, _NOT_AS_OFFERED)
        return HttpResponse(status=HTTPStatus.CONFLICT)  # the page's script loads it again
    page = f"{reverse('my-subscription', args=[subscription.pk])}#now"
    return _fragment(request, subscription, page=page)


@require_safe
@for_customers
def back_at_plan(_request: HttpRequest, customer: Customer, slug: str) -> HttpResponse:
    """Go on with the set-up: the customer comes back from their bank's own page."""
    wanted = get_object_or_404(Plan, slug=slug)
    subscription = selectors.subscriptions_to(customer, wanted).first()
    return redirect("plan", slug) if subscription is None else _back(subscription)


@require_safe
@csp_update(stripe_js.policy())  # type: ignore[arg-type] # its types know no view with arguments
@for_customers
def subscription(request: HttpRequest, customer: Customer, subscription_id: UUID) -> HttpResponse:
    """Show a subscription: how it is, its invoices, and what can be done."""
    found = _subscription(customer, subscription_id)
    context = {
        **_where(request, found),
        "priced": found,
        "pay_url": reverse("my-subscription-card", args=[found.pk]),
        **_stripe(amount=found.amount, currency=found.currency, setup=True),
    }
    return render(request, "checkout/subscription.html", context)


@require_safe
@for_customers
def status(request: HttpRequest, customer: Customer, subscription_id: UUID) -> HttpResponse:
    """Tell how the subscription is."""
    return _fragment(request, _subscription(customer, subscription_id))


@require_POST
@for_customers
def card(request: HttpRequest, customer: Customer, subscription_id: UUID) -> HttpResponse:
    """Take another card, and pay with it what is open; repeating this is safe."""
    form = PayForm(request.POST)
    if not form.is_valid():
        return _refused(form)
    _subscription(customer, subscription_id)
    back = reverse("my-subscription-return", args=[subscription_id])
    services.change(
        customer=customer,
        subscription_id=subscription_id,
        attempt=form.cleaned_data["attempt"],
        update=Update(
            action="change_card",
            confirmation_token=form.cleaned_data["confirmation_token"],
            return_url=request.build_absolute_uri(back),
        ),
    )
    return _fragment(request, _subscription(customer, subscription_id))


@require_POST
@for_customers
def change(request: HttpRequest, customer: Customer, subscription_id: UUID) -> HttpResponse:
    """Do what a button of the page says, and show the page again."""
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return _refused(form)
    _subscription(customer, subscription_id)
    asked: dict[str, Any] = form.cleaned_data
    update = Update(action=asked["action"])
    if update.action == "cancel":
        update = Update(action="cancel", at_period_end=asked["at_period_end"])
    elif update.action in ("preview_plan", "change_plan"):
        wanted = get_object_or_404(Plan, slug=asked["plan"], active=True)
        if update.action == "change_plan" and asked["proration_date"]:
            date = asked["proration_date"]
            update = Update(action="change_plan", plan=wanted, proration_date=date)
        else:  # what they were not shown yet is shown first
            update = Update(action="preview_plan", plan=wanted)
    is_as_shown = services.change(
        customer=customer,
        subscription_id=subscription_id,
        attempt=asked["attempt"],
        update=update,
    )
    if not is_as_shown:
        messages.warning(request, _NOT_AS_SHOWN)
    return redirect("my-subscription", subscription_id)


@require_POST
@for_customers
def answered(request: HttpRequest, customer: Customer, subscription_id: UUID) -> HttpResponse:
    """Look at Stripe again: the customer has answered their bank within the page."""
    found = _subscription(customer, subscription_id)
    return _fragment(request, found, revision=services.customer_is_back(found))


@require_safe
@for_customers
def come_back(_request: HttpRequest, customer: Customer, subscription_id: UUID) -> HttpResponse:
    """Look at Stripe again: the customer comes back from their bank's own page."""
    return _back(_subscription(customer, subscription_id))


def _back(found: Subscription) -> HttpResponse:
    page = reverse("my-subscription", args=[found.pk])
    return redirect(f"{page}?answered={services.customer_is_back(found)}")


def _subscription(customer: Customer, subscription_id: UUID) -> Subscription:
    try:
        return subscription_of(customer, subscription_id)
    except Subscription.DoesNotExist:
        raise Http404 from None


def _refused(form: PayForm | ChangeForm) -> HttpResponse:
    return HttpResponseBadRequest(form.errors.as_json(), content_type="application/json")


def _stripe(*, amount: int, currency: str, setup: bool) -> dict[str, Any]:
    options = stripe_js.options(
        amount=amount,
        currency=currency,
        language=get_language() or "en",
        mode="setup" if setup else "subscription",
    )
    return {"stripe": options, "stripe_js_url": settings.STRIPE_JS_URL}


def _fragment(
    request: HttpRequest, found: Subscription, *, revision: int | None = None, page: str = ""
) -> HttpResponse:
    context = {**_where(request, found, revision=revision), "page": page}
    return render(request, "checkout/_subscription.html", context)


def _where(
    request: HttpRequest, found: Subscription, *, revision: int | None = None
) -> dict[str, Any]:
    if revision is None:
        form = AnsweredForm(request.GET)
        revision = form.cleaned_data["answered"] if form.is_valid() else None
    where = shown(found, answered=revision)
    preview = found.preview or {}
    return {
        "subscription": found,
        "plan": plan_named(found.subscription_plan_id),
        "preview": preview,
        "preview_plan": plan_named(preview.get("subscription_plan_id", "")),
        "other_plans": plans_on_offer()
        .filter(currency=found.currency)
        .exclude(slug=found.subscription_plan_id),
        "invoices": invoices_of(found)[:12],
        "attempt": selectors.requests_for(found).count(),
        "state": where.step,
        "where": where,
        "may_change_plan": where.step is Step.RUNNING and not where.unpaid and not found.paused,
        "answered": revision,
    }
