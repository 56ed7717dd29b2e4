"""What operators ask of subscriptions: published, so that it happens in the customer's order."""

from typing import Final, Literal, NamedTuple
from uuid import UUID, uuid5

from django.contrib.auth.models import AbstractBaseUser

from payment_project.operators import ask_once
from payment_project.subscriptions.models import Subscription
from payment_project.subscriptions.services.asking import asked_of


class Change(NamedTuple):
    """Something that an operator may do to a subscription."""

    label: str
    action: Literal["cancel", "reactivate", "pause", "resume"]
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
}
_ENDED: Final = ("canceled", "incomplete_expired", "failed", "requested")


def possible_changes(subscription: Subscription) -> list[str]:
    """List the names of the changes that make sense as a subscription is."""
    if subscription.status in _ENDED or not subscription.stripe_subscription_id:
        return []
    if subscription.status == "incomplete":
        return ["cancel"]
    return [
        "cancel",
        *(["reactivate"] if subscription.is_ending else []),
        *([] if subscription.cancel_at_period_end else ["cancel-at-period-end"]),
        "resume" if subscription.paused else "pause",
    ]


def request_change(
    *, subscription: Subscription, change: Change, token: UUID, by: AbstractBaseUser
) -> bool:
    """Publish what an operator wants of a subscription, and log it: once for each token.

    Returns False if it was asked with this token before.
    """
    event = asked_of(
        subscription,
        event_id=uuid5(subscription.pk, f"change:{token}"),
        action=change.action,
        at_period_end=change.at_period_end,
    )
    logged = f"Asked for: {change.label}, {event.event_id}."
    return ask_once(subscription, event, by=by, logged=logged)
