"""Changing a subscription: cancel, reactivate, pause, resume, change plan or card, pay.

What is refused here is what cannot be by what is known here. The payment service, which knows more,
has the last word: it answers with a new revision that says what became of it, or why nothing did.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from django.utils import timezone

from customer_project.subscriptions import errors, selectors
from customer_project.subscriptions.models import Plan, Subscription, SubscriptionEvent
from customer_project.subscriptions.services.plans import check_on_offer
from kafka_bridge import outbox
from kafka_bridge.contracts import SubscriptionStatus, SubscriptionUpdateRequested
from kafka_bridge.contracts.base import new_event_id

Action = Literal[
    "cancel",
    "reactivate",
    "pause",
    "resume",
    "preview_plan",
    "change_plan",
    "change_card",
    "pay",
    "refresh",
]

PREVIEW_HOLDS_FOR: Final = timedelta(hours=1)
"""How far back a change of plan may be prorated from: what was previewed then."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """What somebody wants to be done with a subscription."""

    action: Action
    at_period_end: bool | None = None
    plan: Plan | None = None
    quantity: int | None = None
    proration_date: datetime | None = None
    """That of the preview; without it, a change is prorated from the moment it is made."""
    payment_method: str | None = None
    confirmation_token: str | None = None
    return_url: str | None = None
    event_id: UUID = field(default_factory=new_event_id)


def request_update(subscription: Subscription, update: Update, *, asked_by: str) -> None:
    """Publish that somebody changes a subscription, with the transaction of the caller.

    Raises:
        NotPreviewed: its proration date is not that of a preview of the same change, just made.
        StateConflict: it is not where this could be done.
        ValidationError: the plan is no longer on offer.
    """
    check(subscription, update.action)
    if update.plan:
        check_on_offer(update.plan)
        if update.proration_date:
            _check_previewed(subscription, update)
    now = timezone.now()
    SubscriptionEvent.objects.create(
        subscription=subscription,
        event_id=update.event_id,
        what=update.action,
        source=asked_by,
        subscription_plan_id=update.plan.slug if update.plan else "",
        plan_version=update.plan.version if update.plan else None,
        quantity=update.quantity,
        at=now,
    )
    outbox.publish(
        SubscriptionUpdateRequested(
            event_id=update.event_id,
            correlation_id=subscription.correlation_id,
            customer_id=str(subscription.customer_id),
            subscription_id=subscription.id,
            stripe_subscription_id=subscription.stripe_subscription_id,
            action=update.action,
            at_period_end=update.at_period_end,
            subscription_plan_id=update.plan.slug if update.plan else None,
            plan_info=update.plan.info() if update.plan else None,
            quantity=update.quantity,
            proration_date=update.proration_date,
            payment_method_id=update.payment_method,
            confirmation_token=update.confirmation_token,
            return_url=update.return_url,
            timestamp=now,
        )
    )


def check(subscription: Subscription, action: Action) -> None:
    """Refuse what cannot be done to a subscription as it is known here.

    Raises:
        StateConflict: it is not where this could be done.
    """
    if subscription.status == SubscriptionStatus.REQUESTED:
        raise errors.NotAnsweredYet
    if not subscription.stripe_subscription_id:
        raise errors.SubscriptionHasEnded
    if subscription.has_ended and action != "refresh":
        raise errors.SubscriptionHasEnded
    if check_state := _CHECKS.get(action):
        check_state(subscription)


def _check_previewed(subscription: Subscription, update: Update) -> None:
    # Locked, so that a preview which is replaced at the same time is not taken for the latest.
    locked = Subscription.objects.select_for_update().get(pk=subscription.pk)
    preview, asked = locked.preview, selectors.request_for_preview(locked)
    if preview is None or asked is None or update.plan is None:
        raise errors.NotPreviewed
    date = datetime.fromisoformat(preview["proration_date"])
    is_recent = date >= timezone.now() - PREVIEW_HOLDS_FOR
    previewed = (asked.subscription_plan_id, asked.plan_version, asked.quantity or locked.quantity)
    wanted = (update.plan.slug, update.plan.version, update.quantity or locked.quantity)
    if not is_recent or update.proration_date != date or wanted != previewed:
        raise errors.NotPreviewed


def _check_begun(subscription: Subscription) -> None:
    if subscription.status == SubscriptionStatus.INCOMPLETE:
        raise errors.NotBegun


def _check_plan(subscription: Subscription) -> None:
    _check_begun(subscription)
    late = subscription.status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)
    if late or selectors.open_invoice(subscription):
        raise errors.NotPaidFor
    if subscription.paused:
        raise errors.IsPaused


def _check_reactivate(subscription: Subscription) -> None:
    if not subscription.is_ending:
        raise errors.NothingToReactivate


def _check_resume(subscription: Subscription) -> None:
    if not subscription.paused:
        raise errors.NotPaused


def _check_pay(subscription: Subscription) -> None:
    is_unpaid = subscription.status == SubscriptionStatus.UNPAID  # its newest invoice is a draft
    if not is_unpaid and selectors.open_invoice(subscription) is None:
        raise errors.NoOpenInvoice


_CHECKS: Final[dict[Action, Callable[[Subscription], None]]] = {
    "reactivate": _check_reactivate,
    "pause": _check_begun,
    "resume": _check_resume,
    "preview_plan": _check_plan,
    "change_plan": _check_plan,
    "pay": _check_pay,
}
