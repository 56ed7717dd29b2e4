"""Cards that are to be charged again: authenticated now, kept with their Customer."""

from typing import Any, Final, NamedTuple
from urllib.parse import quote

from kafka_bridge.contracts import Event
from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import StripeRejected
from payment_project.stripe_gateway.idempotency import make_once
from payment_project.stripe_gateway.lists import all_of
from payment_project.stripe_gateway.sdk import stripe
from payment_project.stripe_gateway.subscription_states import JSON

_CONFIRMED_BEFORE: Final = (
    "payment_intent_unexpected_state",
    "setup_intent_unexpected_state",
)
CARD_TAKEN: Final = "card_taken"
"""Metadata of a Subscription: which SetupIntent its card came with, so that none comes twice."""

_WHOSE: Final = ("subscription_id", "customer_id", "correlation_id")


class HowToPay(NamedTuple):
    """A card as the customer gave it, and where the bank sends them back to."""

    payment_method_id: str | None
    confirmation_token: str | None
    return_url: str | None

    def params(self) -> dict[str, Any]:
        """Return the parameters of a confirmation."""
        params: dict[str, Any] = {}
        if self.confirmation_token:
            params["confirmation_token"] = self.confirmation_token
        elif self.payment_method_id:
            params["payment_method"] = self.payment_method_id
        if self.return_url:
            params["return_url"] = self.return_url
        else:
            params["use_stripe_sdk"] = True
        return params


async def confirm(path: str, how: HowToPay, *, idempotency_key: str) -> None:
    """Confirm a PaymentIntent or SetupIntent that Stripe made for a subscription, once.

    How it went stands in the intent afterwards: a decline is no error, and nor is an intent that
    was confirmed before, by us or by the customer.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    try:
        await make_once(
            lambda: request(
                "post", f"{path}/confirm", how.params(), idempotency_key=idempotency_key
            ),
            find=lambda: _find_confirmed(path),
        )
    except stripe.CardError:
        return
    except StripeRejected as error:
        if getattr(error.__cause__, "code", None) not in _CONFIRMED_BEFORE:
            raise


async def attach(payment_method_id: str, *, stripe_customer_id: str, idempotency_key: str) -> str:
    """Keep a card with its Customer; one that is kept already stays so. Returns its id.

    Raises:
        CardError: declined.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    path = f"/v1/payment_methods/{quote(payment_method_id, safe='')}"
    owner = {"customer": stripe_customer_id}

    async def find() -> dict[str, Any] | None:
        method = await request("get", path, {})
        return method if owner.items() <= method.items() else None

    method = await make_once(
        lambda: request("post", f"{path}/attach", owner, idempotency_key=idempotency_key), find=find
    )
    return str(method["id"])


async def take_card(
    subscription: JSON, how: HowToPay, *, event: Event, stripe_customer_id: str
) -> JSON:
    """Keep a card with its Customer, and have the Subscription charged with it from now on.

    Returns the SetupIntent: where the bank wants to see the customer it has a next action, and the
    card is taken when Stripe tells that it succeeded (`use_card`).

    Raises:
        CardError: declined.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    params = {
        "customer": stripe_customer_id,
        "confirm": True,
        "usage": "off_session",
        "allowed_payment_method_types": ["card"],
        "metadata": {
            **{name: subscription["metadata"][name] for name in _WHOSE},
            "event_id": str(event.event_id),
            "stripe_subscription_id": subscription["id"],
        },
        **how.params(),
    }
    key = f"{event.event_id}:setup_intent"
    setup = await make_once(
        lambda: request("post", "/v1/setup_intents", params, idempotency_key=key),
        find=lambda: _find_setup(event, stripe_customer_id),
    )
    await use_card(subscription, setup)
    return setup


async def use_card(subscription: JSON, setup: JSON) -> bool:
    """Have a Subscription charged with the card of a SetupIntent that succeeded.

    Returns whether it is, by this call or an earlier one: False if the SetupIntent did not succeed,
    or if a card that came later took its place.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    # Within one second, the ids of our events tell which came later.
    taken = f"{setup['created']}/{setup['metadata'].get('event_id') or setup['id']}"
    before = subscription["metadata"].get(CARD_TAKEN, "")
    if setup["status"] != "succeeded" or taken < before:
        return False
    if taken > before:
        await request(
            "post",
            f"/v1/subscriptions/{subscription['id']}",
            {"default_payment_method": setup["payment_method"], "metadata": {CARD_TAKEN: taken}},
            idempotency_key=f"{setup['id']}:use_card",
        )
    return True


async def _find_setup(event: Event, stripe_customer_id: str) -> dict[str, Any] | None:
    async for made in all_of("/v1/setup_intents", {"customer": stripe_customer_id}):
        if made["metadata"].get("event_id") == str(event.event_id):
            return made
    return None


async def _find_confirmed(path: str) -> dict[str, Any] | None:
    intent = await request("get", path, {})
    failed = intent.get("last_payment_error") or intent.get("last_setup_error")
    untouched = intent["status"] in ("requires_payment_method", "requires_confirmation")
    return None if untouched and not failed else intent
