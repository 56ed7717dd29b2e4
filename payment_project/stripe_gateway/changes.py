"""What happened at Stripe since a moment: its events, and the objects that we made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import quote

from payment_project.stripe_gateway.client import Finish, request
from payment_project.stripe_gateway.errors import StripeRejected, is_missing
from payment_project.stripe_gateway.invoices import subscription_of
from payment_project.stripe_gateway.lists import page_of
from payment_project.stripe_gateway.states import Origin, state_of
from payment_project.stripe_gateway.subscription_states import (
    SubscriptionOrigin,
    SubscriptionSnapshot,
    snapshot_of,
)


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

    snapshot: SubscriptionSnapshot
    latest_invoice_status: str
    """Empty if there is none yet."""

    @property
    def origin(self) -> SubscriptionOrigin | None:
        """Return what it was made for; None if it is not of our making."""
        return self.snapshot.origin


PartKind = Literal["refund", "dispute", "invoice"]


@dataclass(frozen=True, slots=True)
class PartSeen:
    """A refund or dispute of a payment, or an invoice of a Subscription, in Stripe's list."""

    object_id: str
    part_of: str
    """The PaymentIntent, or the Subscription; empty if it is part of none."""
    amount: int
    """In minor units; of an invoice, what was paid."""
    status: str
    created_at: datetime


_PARTS: Final[dict[PartKind, str]] = {
    "refund": "/v1/refunds",
    "dispute": "/v1/disputes",
    "invoice": "/v1/invoices",
}
_WITH_INVOICE: Final = ("latest_invoice", "default_payment_method", "pending_setup_intent")


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
    yield from _subscriptions({"created": _since(moment), "status": "all"}, finish)


def running_subscriptions_until(
    moment: datetime, *, finish: Finish
) -> Iterator[list[SubscriptionSeen]]:
    """List Subscriptions that were made before and are not canceled, a hundred a call.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    yield from _subscriptions({"created": {"lt": int(moment.timestamp())}}, finish)


def parts_since(kind: PartKind, moment: datetime, *, finish: Finish) -> Iterator[list[PartSeen]]:
    """List refunds, disputes or invoices that were made since, whosever they are, a hundred a call.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    for page in _pages(_PARTS[kind], {"created": _since(moment)}, finish):
        yield [_part(one) for one in page]


async def event_now(event_id: str) -> dict[str, Any] | None:
    """Fetch a webhook event; None if Stripe lists it no more.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    return await _find(f"/v1/events/{quote(event_id, safe='')}", {})


async def payment_now(payment_intent_id: str) -> PaymentSeen | None:
    """Fetch a PaymentIntent; None if there is none.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    path = f"/v1/payment_intents/{quote(payment_intent_id, safe='')}"
    intent = await _find(path, {"expand": ["latest_charge"]})
    return _payment(intent) if intent else None


async def subscription_now(stripe_subscription_id: str) -> SubscriptionSeen | None:
    """Fetch a Subscription; None if there is none.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    path = f"/v1/subscriptions/{quote(stripe_subscription_id, safe='')}"
    found = await _find(path, {"expand": list(_WITH_INVOICE)})
    return _subscription(found) if found else None


async def part_now(kind: PartKind, object_id: str) -> PartSeen | None:
    """Fetch a refund, a dispute or an invoice; None if there is none.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    found = await _find(f"{_PARTS[kind]}/{quote(object_id, safe='')}", {})
    return _part(found) if found else None


async def _find(path: str, params: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return await request("get", path, params)
    except StripeRejected as error:
        if is_missing(error):
            return None
        raise


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


def _subscription(subscription: Mapping[str, Any]) -> SubscriptionSeen:
    invoice = subscription["latest_invoice"]
    latest = {"latest_invoice": invoice and invoice["id"]}
    return SubscriptionSeen(
        snapshot=snapshot_of({**subscription, **latest}, ()),
        latest_invoice_status=invoice["status"] if invoice else "",
    )


def _part(part: Mapping[str, Any]) -> PartSeen:
    is_invoice = part["object"] == "invoice"
    return PartSeen(
        object_id=part["id"],
        part_of=subscription_of(part) if is_invoice else part["payment_intent"] or "",
        amount=part["amount_paid" if is_invoice else "amount"],
        status=part["status"],
        created_at=datetime.fromtimestamp(part["created"], UTC),
    )


def _subscriptions(params: Mapping[str, Any], finish: Finish) -> Iterator[list[SubscriptionSeen]]:
    expand = [f"data.{name}" for name in _WITH_INVOICE]
    for page in _pages("/v1/subscriptions", {**params, "expand": expand}, finish):
        yield [_subscription(one) for one in page]


def _payment(intent: Mapping[str, Any]) -> PaymentSeen:
    state, charge = state_of(intent), intent["latest_charge"]
    return PaymentSeen(
        payment_intent_id=state.payment_intent_id,
        status=state.status,
        amount_captured=state.amount_captured,
        amount_refunded=charge["amount_refunded"] if charge and state.amount_captured else 0,
        origin=state.origin,
    )
