"""Reading plans, subscriptions and invoices."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from customer_project.customers.models import Customer
from customer_project.subscriptions.models import (
    ENDED,
    Invoice,
    Plan,
    Subscription,
    SubscriptionEvent,
)
from kafka_bridge.contracts import SubscriptionStatus


def plans_on_offer() -> QuerySet[Plan]:
    """Return what can be subscribed to, in the shop's order."""
    return Plan.objects.filter(active=True)


def subscription_of(customer: Customer, subscription_id: UUID) -> Subscription:
    """Return one of the customer's subscriptions.

    Raises:
        Subscription.DoesNotExist: they have no such subscription; somebody else may.
    """
    return Subscription.objects.get(customer=customer, id=subscription_id)


def latest_subscriptions(customer: Customer) -> QuerySet[Subscription]:
    """Return the customer's subscriptions, the newest first."""
    return Subscription.objects.filter(customer=customer).order_by("-created_at")[:10]


def running_subscription(customer: Customer, plan: Plan) -> Subscription | None:
    """Return the customer's subscription to a plan that has not ended, if there is one."""
    of_plan = Subscription.objects.filter(customer=customer, subscription_plan_id=plan.slug)
    return of_plan.exclude(status__in=ENDED).order_by("-created_at").first()


def trial_days_left(customer: Customer, plan: Plan) -> int:
    """Return how long the customer may try a plan: not a second time.

    A plan that a trial began with, or came to, is tried, whatever plan the subscription has now.
    """
    trials = Subscription.objects.filter(customer=customer, trial_days__gt=0)
    trials = trials.exclude(status=SubscriptionStatus.FAILED)
    tried = SubscriptionEvent.objects.filter(
        subscription__in=trials,
        subscription_plan_id=plan.slug,
        what__in=["requested", "answered", "updated"],
    )
    return 0 if tried.exists() else plan.trial_days


def invoices_of(subscription: Subscription) -> QuerySet[Invoice]:
    """Return a subscription's invoices, the newest first."""
    return Invoice.objects.filter(subscription=subscription).order_by("-created_at", "-revision")


def open_invoice(subscription: Subscription) -> Invoice | None:
    """Return the newest invoice that waits to be paid, if there is one."""
    return invoices_of(subscription).filter(status="open").first()


def plan_named(slug: str) -> Plan | None:
    """Return a plan, also one that is no longer on offer."""
    return Plan.objects.filter(slug=slug).first()


def answer_to(subscription_id: UUID, asked: UUID) -> SubscriptionEvent | None:
    """Return what the payment service answered to what was asked of a subscription, if it has."""
    return SubscriptionEvent.objects.filter(subscription=subscription_id, answers=asked).first()


def preview_of(subscription: Subscription, asked: UUID) -> dict[str, Any] | None:
    """Return the preview that answers a request, unless something was told since."""
    preview: dict[str, Any] = subscription.preview or {}
    return preview if preview.get("request") == str(asked) else None


def request_for_preview(subscription: Subscription) -> SubscriptionEvent | None:
    """Return what was asked for when the subscription's preview was, if it has one."""
    asked: str | None = (subscription.preview or {}).get("request")
    if asked is None:
        return None
    return subscription.events.filter(what="preview_plan", event_id=asked).first()
