"""What the pages change of subscriptions: whatever is clicked how often, it happens once."""

import contextlib
from uuid import UUID

from django.db import transaction

from customer_project.checkout.subscriptions import selectors
from customer_project.checkout.subscriptions.errors import NotAsOffered
from customer_project.customers.models import Customer
from customer_project.payments.errors import StateConflict
from customer_project.subscriptions.errors import NotPreviewed
from customer_project.subscriptions.models import Plan, Subscription
from customer_project.subscriptions.selectors import running_subscription, trial_days_left
from customer_project.subscriptions.services import (
    Update,
    accept,
    new_subscription,
    request_update,
)


def subscribe(
    *,
    customer: Customer,
    plan: Plan,
    attempt: int,
    version: int,
    trial_days: int,
    confirmation_token: str,
    return_url: str,
) -> Subscription:
    """Subscribe to a plan, unless they have it or `attempt` was made before; return that.

    `attempt` is how often they had asked for it when the browser looked. A double click, a repeated
    request or a second tab therefore subscribes once, whatever else it sends. `version` is the
    plan's, and `trial_days` are the free days, that the browser showed.

    Raises:
        NotAsOffered: the price or the free days are others by now.
        ValidationError: the plan is no longer on offer.
    """
    with transaction.atomic():
        locked = Customer.objects.select_for_update().get(pk=customer.pk)
        known = running_subscription(locked, plan)
        if known is None and attempt != selectors.attempts_at(locked, plan):
            known = selectors.subscriptions_to(locked, plan).first()
        if known:
            return known
        if (version, trial_days) != (plan.version, trial_days_left(locked, plan)):
            raise NotAsOffered
        request = {
            "plan": plan,
            "trial_days": trial_days,
            "confirmation_token": confirmation_token,
            "return_url": return_url,
        }
        subscription = new_subscription(customer=locked, request=request)
        accept(subscription, request=request, asked_by=_page_of(customer))
        return subscription


def change(*, customer: Customer, subscription_id: UUID, attempt: int, update: Update) -> bool:
    """Ask for a change, unless another one is not answered yet, or `attempt` was made before.

    What cannot be done any more is not: the page shows how things are instead. Returns False if a
    change of plan may cost something else than was shown: what it costs is asked for instead.

    Raises:
        Subscription.DoesNotExist: the customer has no such subscription.
    """
    with transaction.atomic():
        rows = Subscription.objects.select_for_update()
        subscription = rows.get(customer=customer, id=subscription_id)
        is_new = attempt == selectors.requests_for(subscription).count()
        if not is_new or selectors.open_request(subscription):
            return True
        with contextlib.suppress(StateConflict):
            try:
                request_update(subscription, update, asked_by=_page_of(customer))
            except NotPreviewed:
                preview = Update(action="preview_plan", plan=update.plan)
                request_update(subscription, preview, asked_by=_page_of(customer))
                return False
    return True


def customer_is_back(subscription: Subscription) -> int:
    """Have Stripe looked at after 3-D Secure; return the changes at which they answered.

    Asking again does no harm: nothing is told but what is new.
    """
    with contextlib.suppress(StateConflict), transaction.atomic():
        update = Update(action="refresh")
        request_update(subscription, update, asked_by=_page_of(subscription.customer))
    return subscription.changes


def _page_of(customer: Customer) -> str:
    return f"page:{customer.pk}"
