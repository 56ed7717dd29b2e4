"""What operators ask of subscriptions: published like what customers ask, once for each form."""

from typing import Final, NamedTuple

from django.contrib.auth.models import AbstractBaseUser

from customer_project.payments.errors import StateConflict
from customer_project.subscriptions.models import Subscription, SubscriptionEvent
from customer_project.subscriptions.services.updates import Action, Update, check, request_update


class Change(NamedTuple):
    """Something that an operator may do to a subscription."""

    label: str
    action: Action
    warning: str
    at_period_end: bool | None = None


CHANGES: Final = {
    "cancel": Change("Cancel now", "cancel", "It ends at once, and nobody can take that back."),
    "cancel-at-period-end": Change(
        "Cancel at period end", "cancel", "It goes on to the end of what is paid for.", True
    ),
    "reactivate": Change("Reactivate", "reactivate", "It will not end with this period any more."),
    "pause": Change("Pause", "pause", "Nothing is collected until it is resumed."),
    "resume": Change("Resume", "resume", "What comes due from now on is collected again."),
    "plan": Change(
        "Change plan", "preview_plan", "You see what that costs first, and are asked again."
    ),
    "card": Change(
        "Change card", "change_card", "It is charged from now on, and at once with what is open."
    ),
}


def possible_changes(subscription: Subscription) -> list[str]:
    """List the names of the changes that make sense as a subscription is."""
    pointless = {
        "cancel-at-period-end": subscription.cancel_at_period_end,
        "pause": subscription.paused,
        "card": not subscription.customer.saved_cards.on_offer().exists(),
    }
    return [
        name
        for name, change in CHANGES.items()
        if not pointless.get(name) and _can_be(subscription, change.action)
    ]


def ask_once(subscription: Subscription, update: Update, *, by: AbstractBaseUser) -> bool:
    """Publish what an operator wants of a subscription, with the transaction of the caller.

    Returns False if this update was asked for before.

    Raises:
        StateConflict: it is not where this could be done.
    """
    locked = Subscription.objects.select_for_update().get(pk=subscription.pk)
    if SubscriptionEvent.objects.filter(event_id=update.event_id).exists():
        return False
    request_update(locked, update, asked_by=f"operator:{by.pk}")
    return True


def _can_be(subscription: Subscription, action: Action) -> bool:
    try:
        check(subscription, action)
    except StateConflict:
        return False
    return True
