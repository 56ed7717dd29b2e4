"""What happened at Stripe since a moment: its events, and the objects that we made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from payment_project.stripe_gateway.client import Finish
from payment_project.stripe_gateway.lists import page_of
from payment_project.stripe_gateway.states import Origin, state_of
from payment_project.stripe_gateway.subscription_states import SubscriptionOrigin, origin_of


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """A PaymentIntent in Stripe's list."""

    payment_intent_id: str
    status: str
    amount_captured: int
    amount_refunded: int
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class SubscriptionSeen:
    """A Subscription in Stripe's list."""

    stripe_subscription_id: str
    status: str
    origin: SubscriptionOrigin | None


_MONEY_TAKEN: Final = "succeeded"


def events_since(moment: datetime, *, finish: Finish) -> Iterator[list[dict[str, Any]]]:
    """List webhook events, the newest first, a hundred a call. Stripe keeps them for 30 days.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    yield from _pages("/v1/events", {"created": _since(moment)}, finish)


def payments_since(moment: datetime, *, finish: Finish) -> Iterator[list[PaymentSeen]]:
    """List PaymentIntents that were made since, the newest first, a hundred a call.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    params = {"created": _since(moment), "expand": ["data.latest_charge"]}
    for page in _pages("/v1/payment_intents", params, finish):
        yield [_payment(intent) for intent in page]


def subscriptions_since(moment: datetime, *, finish: Finish) -> Iterator[list[SubscriptionSeen]]:
    """List Subscriptions that were made since, ended ones too, a hundred a call.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    params = {"created": _since(moment), "status": "all"}
    for page in _pages("/v1/subscriptions", params, finish):
        yield [
            SubscriptionSeen(one["id"], one["status"], origin_of(one["metadata"])) for one in page
        ]


def _pages(path: str, params: Mapping[str, Any], finish: Finish) -> Iterator[list[dict[str, Any]]]:
    after = None
    while True:
        page = finish(page_of(path, params, after=after))
        yield list(page.items)
        if page.next_after is None:
            return
        after = page.next_after


def _since(moment: datetime) -> dict[str, int]:
    return {"gte": int(moment.timestamp())}


def _payment(intent: Mapping[str, Any]) -> PaymentSeen:
    state, charge = state_of(intent), intent["latest_charge"]
    # Stripe shows an authorisation that was given up as a refund. No money came back.
    refunded = charge["amount_refunded"] if charge and intent["status"] == _MONEY_TAKEN else 0
    is_part = state.amount_captured < intent["amount"]  # the rest of the hold is shown as one too
    if is_part and refunded:
        refunded = max(refunded - (intent["amount"] - state.amount_captured), 0)
    return PaymentSeen(
        payment_intent_id=state.payment_intent_id,
        status=state.status,
        amount_captured=state.amount_captured,
        amount_refunded=refunded,
        origin=state.origin,
    )
