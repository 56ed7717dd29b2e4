"""Requests to subscribe: accepted, published, in the history."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language
from rest_framework.exceptions import PermissionDenied

from customer_project.customers.models import Customer
from customer_project.subscriptions import selectors
from customer_project.subscriptions.models import Subscription, SubscriptionEvent
from customer_project.subscriptions.services.plans import check_on_offer
from kafka_bridge import outbox
from kafka_bridge.contracts import (
    CustomerInfo,
    PaymentOptions,
    SubscriptionContext,
    SubscriptionRequested,
    Topic,
)
from kafka_bridge.contracts.base import new_event_id
from kafka_bridge.tracing import new_correlation_id


def new_subscription(*, customer: Customer, request: Mapping[str, Any]) -> Subscription:
    """Return the subscription that the request asks for, before anything is done for it."""
    now, plan, trial_days = timezone.now(), request["plan"], request.get("trial_days")
    if trial_days is None:
        trial_days = selectors.trial_days_left(customer, plan)
    return Subscription(
        id=new_event_id(),
        customer=customer,
        correlation_id=new_correlation_id(),
        language=(get_language() or "en")[:2],
        metadata=request.get("metadata", {}),
        subscription_plan_id=plan.slug,
        amount=plan.amount,
        currency=plan.currency,
        interval=plan.interval,
        interval_count=plan.interval_count,
        quantity=request.get("quantity", 1),
        trial_days=trial_days,
        created_at=now,
        updated_at=now,
    )


def accept(
    subscription: Subscription,
    *,
    request: Mapping[str, Any],
    asked_by: str,
    by_merchant: bool = False,
) -> None:
    """Write the subscription and publish the request, with the transaction of the caller.

    Raises:
        PermissionDenied: a customer wants to try for longer than the plan lets them.
        ValidationError: the plan is no longer on offer.
    """
    check_on_offer(request["plan"])
    # Of two requests at once, the second finds the first's.
    customer = Customer.objects.select_for_update().get(pk=subscription.customer_id)
    left = selectors.trial_days_left(customer, request["plan"])
    if subscription.trial_days > left and not by_merchant:
        raise PermissionDenied(f"You can try this plan for {left} days.")
    event = _subscription_requested(subscription, request)
    subscription.save(force_insert=True)
    SubscriptionEvent.objects.create(
        subscription=subscription,
        event_id=event.event_id,
        what="requested",
        source=asked_by,
        subscription_plan_id=subscription.subscription_plan_id,
        plan_version=request["plan"].version,
        quantity=subscription.quantity,
        status=subscription.status,
        revision=0,
        at=subscription.created_at,
    )
    outbox.publish(event)


def _subscription_requested(
    subscription: Subscription, request: Mapping[str, Any]
) -> SubscriptionRequested:
    customer, plan = subscription.customer, request["plan"]
    return SubscriptionRequested(
        event_type=Topic.STRIPE_SUBSCRIPTION_SETUP,
        correlation_id=subscription.correlation_id,
        customer_id=str(customer.pk),
        subscription_plan_id=plan.slug,
        plan_info=plan.info(),
        payment_method_id=request.get("payment_method"),
        customer_info=CustomerInfo(email=customer.email or None, name=customer.name or None),
        payment_options=PaymentOptions(
            return_url=request.get("return_url"),
            confirmation_token=request.get("confirmation_token"),
        ),
        subscription_context=SubscriptionContext(
            subscription_id=subscription.id,
            quantity=subscription.quantity,
            trial_days=subscription.trial_days or None,
        ),
        metadata=subscription.metadata,
        timestamp=subscription.created_at,
    )
