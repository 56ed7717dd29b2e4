"""Reading what the pages show of subscriptions."""

from datetime import timedelta
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from customer_project.customers.models import Customer
from customer_project.subscriptions.models import Plan, Subscription, SubscriptionEvent

ANSWERED_WITHIN: Final = timedelta(minutes=2)
"""A request without an answer for longer than this holds nobody up any more."""

_NOT_ASKED: Final = ("answered", "updated", "invoice", "refresh")


def subscriptions_to(customer: Customer, plan: Plan) -> QuerySet[Subscription]:
    """Return all that the customer ever subscribed to a plan, the newest first."""
    rows = Subscription.objects.filter(customer=customer, subscription_plan_id=plan.slug)
    return rows.order_by("-created_at")


def attempts_at(customer: Customer, plan: Plan) -> int:
    """Return how often the customer asked for a plan, by a subscription that may have changed."""
    return SubscriptionEvent.objects.filter(
        subscription__customer=customer, what="requested", subscription_plan_id=plan.slug
    ).count()


def requests_for(subscription: Subscription) -> QuerySet[SubscriptionEvent]:
    """Return what was asked for, the newest first: each is answered sooner or later."""
    return subscription.events.exclude(what__in=_NOT_ASKED).order_by("-id")


def open_request(subscription: Subscription) -> SubscriptionEvent | None:
    """Return the latest request, if it was made just now and has no answer yet."""
    latest = requests_for(subscription).first()
    if latest is None or latest.at < timezone.now() - ANSWERED_WITHIN:
        return None
    return None if subscription.events.filter(answers=latest.event_id).exists() else latest
