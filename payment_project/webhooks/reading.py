"""What a webhook tells, as far as it can be known without our own tables."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from kafka_bridge.contracts import PaymentStatus, SavedCard, WebhookReceived
from payment_project.stripe_gateway import payment_intents
from payment_project.stripe_gateway.invoices import subscription_of
from payment_project.stripe_gateway.states import IntentState, state_of
from payment_project.stripe_gateway.subscription_states import SubscriptionSnapshot, saved_card
from payment_project.stripe_gateway.subscription_updates import finish_card
from payment_project.stripe_gateway.subscriptions import retrieve_subscription
from payment_project.stripe_gateway.webhook_objects import (
    fetch_object,
    ids_in,
    is_of_our_version,
    is_thin,
)
from payment_project.stripe_gateway.webhooks import read_webhook
from payment_project.subscriptions.calls import look_at_subscription
from payment_project.turns.services import Covered, Look, Read, once
from payment_project.webhooks import adoption
from payment_project.webhooks.types import HANDLED

Object = Mapping[str, Any]

_FINAL: Final = (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Ignored:
    """The webhook tells us nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class SetupTold:
    """Something happened to a SetupIntent that a subscription may wait for."""

    setup_intent_id: str


@dataclass(frozen=True, slots=True)
class CardTold:
    """A PaymentMethod as it is: whose, if anybody's still, and what is on the card."""

    payment_method_id: str
    stripe_customer_id: str
    card: SavedCard | None


@dataclass(frozen=True, slots=True)
class CustomerGone:
    """A Customer was deleted, with the cards saved there."""

    stripe_customer_id: str


News = IntentState | SubscriptionSnapshot | SetupTold | CardTold | CustomerGone | Covered | Ignored


_Reader = Callable[[Object], Awaitable[Read[Any] | News]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a webhook says."""

    webhook_event_id: str
    webhook_event_type: str
    news: News
    look: Look | None = None
    """What was looked at for it; None if it tells all by itself."""


async def read(event: WebhookReceived) -> Reading:
    """Verify a webhook and find out what state it tells of.

    Webhooks come in any order, and Stripe's seconds do not order them. So what they are about is
    fetched, unless it is final.

    Raises:
        WebhookNotSigned: it is not Stripe's.
        TryLater, StripeRejected, OutcomeUnknown: the object could not be fetched.
    """
    webhook_event = read_webhook(event, secrets=settings.STRIPE_WEBHOOK_SECRETS)
    name = (webhook_event["id"], webhook_event["type"])
    if is_thin(webhook_event):
        return Reading(*name, Ignored("a thin event (v2): nothing of those is handled here"))
    reader = _reader(webhook_event["type"])
    if reader is None:
        return Reading(*name, Ignored("webhooks of this type are not handled"))
    about = webhook_event["data"]["object"]
    is_ours = is_of_our_version(webhook_event)
    told = await (reader(about) if is_ours else _of_another_version(reader, about))
    if isinstance(told, Read):
        return Reading(*name, told.news, told.look)
    return Reading(*name, told)


def _reader(webhook_type: str) -> _Reader | None:
    if webhook_type not in HANDLED:
        return None
    found = (reader for prefix, reader in _READERS.items() if webhook_type.startswith(prefix))
    return next(found, None)


async def _of_another_version(reader: _Reader, shown: Object) -> Read[Any] | News:
    """Read an object whose fields may be elsewhere, or mean something else.

    Of what is shown, ids alone are believed: what they name is fetched. Where they are not found,
    the object is; its reader, who may fetch it again, has to wait.
    """
    if reader is _of_intent:
        return await _of_its_payment({"payment_intent": shown["id"]})
    known = ids_in(shown)
    if known is not None:
        return await reader(known)
    found = await once(shown["id"], lambda: fetch_object(shown["object"], shown["id"]))
    if isinstance(found, Covered):
        return found
    if found.news is None:
        return Read(Ignored("Stripe has the object no more"), found.look)
    await asyncio.sleep(settings.WEBHOOK_READ_INTERVAL)
    return await reader(found.news)


async def _of_intent(intent: Object) -> Read[IntentState] | News:
    state = state_of(intent)
    if state.origin is None and not (await adoption.adopted_payment(state)).origin:
        return Ignored("the PaymentIntent is not of our making")
    # Which card was charged or saved stands in the charge, which a webhook does not have.
    if state.origin and state.status in _FINAL and not intent["setup_future_usage"]:
        return state
    return await _payment(state.payment_intent_id)


async def _of_its_payment(about: Object) -> Read[IntentState] | News:
    """Read what is about a payment: a charge, a refund, a dispute.

    What is not of our making may still pay an invoice of ours: our own tables tell.
    """
    if not about["payment_intent"]:
        return Ignored("there is no PaymentIntent")
    told = await _payment(about["payment_intent"])
    if isinstance(told, Read) and told.news.origin is None:
        return Read(await adoption.adopted_payment(told.news), told.look)
    return told


async def _payment(payment_intent_id: str) -> Read[IntentState] | Covered:
    return await once(
        payment_intent_id, lambda: payment_intents.retrieve_payment_intent(payment_intent_id)
    )


async def _of_setup(setup: Object) -> Read[Any] | News:
    stripe_subscription_id = setup["metadata"].get("stripe_subscription_id")
    if not stripe_subscription_id:
        return SetupTold(setup["id"])

    async def fetch() -> SubscriptionSnapshot:
        if current := await fetch_object("setup_intent", setup["id"]):
            await finish_card(current)
        return await retrieve_subscription(stripe_subscription_id)

    return _ours(await look_at_subscription(stripe_subscription_id, fetch, about=setup["id"]))


async def _of_invoice(invoice: Object) -> Read[Any] | News:
    stripe_subscription_id = subscription_of(invoice)
    if not stripe_subscription_id:
        return Ignored("the invoice is of no subscription")
    return await _subscription(stripe_subscription_id, invoice_id=invoice["id"])


async def _of_subscription(subscription: Object) -> Read[Any] | News:
    return await _subscription(subscription["id"])


async def _subscription(stripe_subscription_id: str, *, invoice_id: str = "") -> Read[Any] | News:
    async def fetch() -> SubscriptionSnapshot:
        invoices = [invoice_id] if invoice_id else []
        snapshot = await retrieve_subscription(stripe_subscription_id, invoice_ids=invoices)
        return snapshot if snapshot.origin else await adoption.adopted_subscription(snapshot)

    return _ours(await look_at_subscription(stripe_subscription_id, fetch, about=invoice_id))


def _ours(told: Read[SubscriptionSnapshot] | Covered) -> Read[Any] | Covered:
    if isinstance(told, Read) and told.news.origin is None:
        return Read(Ignored("the Subscription is not of our making"), told.look)
    return told


async def _of_card(method: Object) -> Read[CardTold] | News:
    async def fetch() -> CardTold:
        found = await fetch_object("payment_method", method["id"]) or {}
        return CardTold(method["id"], found.get("customer") or "", saved_card(found or None))

    return await once(method["id"], fetch)


async def _of_customer(customer: Object) -> News:
    if customer.get("deleted"):
        return CustomerGone(customer["id"])
    return Ignored("nothing of a Customer is kept here")


async def _of_deleted_customer(customer: Object) -> News:
    return CustomerGone(customer["id"])


_READERS: Final[dict[str, _Reader]] = {
    "payment_intent.": _of_intent,
    "setup_intent.": _of_setup,
    "charge.refunded": _of_its_payment,
    "refund.": _of_its_payment,
    "charge.dispute.": _of_its_payment,
    "invoice.": _of_invoice,
    "customer.subscription.": _of_subscription,
    "payment_method.": _of_card,
    "customer.deleted": _of_deleted_customer,
    "customer.updated": _of_customer,
}
"""Who reads which of the webhooks that are handled, by the beginning of their type."""
