"""What Stripe's objects say of a subscription, as the rest of the service needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from kafka_bridge.contracts import ProrationPreview, SavedCard, SubscriptionStatus
from payment_project.stripe_gateway.states import Refusal

JSON = Mapping[str, Any]

ENDED: Final = (SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED)


class SubscriptionOrigin(NamedTuple):
    """What a Subscription of ours says of the request that it was made for."""

    subscription_id: UUID
    event_id: UUID
    correlation_id: UUID
    customer_id: str


@dataclass(frozen=True, slots=True)
class IntentStep:
    """How far the PaymentIntent or SetupIntent is that a subscription waits for."""

    intent_id: str
    status: str
    client_secret: str
    next_action: JSON | None = None
    error_code: str = ""
    decline_code: str = ""
    error_message: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceSnapshot:
    """An invoice, with the PaymentIntent that it is paid by, if it needs one."""

    invoice_id: str
    number: str
    status: str
    billing_reason: str
    amount_due: int
    amount_paid: int
    currency: str
    period_start: datetime | None
    period_end: datetime | None
    attempt: int
    next_attempt_at: datetime | None
    hosted_invoice_url: str
    created_at: datetime
    payment: IntentStep | None


@dataclass(frozen=True, slots=True)
class SubscriptionSnapshot:
    """A Subscription as Stripe had it at one moment, and what became of what was asked of it."""

    stripe_subscription_id: str
    """Empty if Stripe refused to make one."""
    status: SubscriptionStatus
    subscription_plan_id: str
    amount: int
    """For one unit and interval."""
    currency: str
    interval: str
    interval_count: int
    quantity: int
    stripe_customer_id: str = ""
    started_at: datetime | None = None
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    """When it ends, at a period's end or not, if somebody has canceled it."""
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    cancellation_reason: str = ""
    paused: bool = False
    card: SavedCard | None = None
    card_country: str = ""
    setup: IntentStep | None = None
    """The SetupIntent that keeps a card, where nothing is to be paid with it now."""
    latest_invoice_id: str = ""
    invoices: tuple[InvoiceSnapshot, ...] = ()
    """Those that somebody looked at: the latest, and the one that is asked about."""
    origin: SubscriptionOrigin | None = None
    """None if the Subscription is not of our making."""
    preview: ProrationPreview | None = None
    new_card: IntentStep | None = None
    """The SetupIntent of a card that was asked to take the other's place."""
    refusal: Refusal | None = None
    """Why it is not as it was asked to become."""

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing can happen to the Subscription any more."""
        return self.status in ENDED

    @property
    def latest_invoice(self) -> InvoiceSnapshot | None:
        """The invoice that was made last, if somebody looked at it."""
        found = (one for one in self.invoices if one.invoice_id == self.latest_invoice_id)
        return next(found, None)


def snapshot_of(subscription: JSON, invoices: Sequence[InvoiceSnapshot]) -> SubscriptionSnapshot:
    """Read a Subscription's JSON, its card and pending SetupIntent expanded."""
    item = subscription["items"]["data"][0]
    price, method = item["price"], subscription["default_payment_method"]
    ends_at = subscription["cancel_at"]
    return SubscriptionSnapshot(
        stripe_subscription_id=subscription["id"],
        stripe_customer_id=subscription["customer"],
        status=SubscriptionStatus(subscription["status"]),
        subscription_plan_id=price["metadata"].get("subscription_plan_id") or price["id"],
        amount=price["unit_amount"] or 0,
        currency=price["currency"],
        interval=price["recurring"]["interval"],
        interval_count=price["recurring"]["interval_count"],
        quantity=item.get("quantity", 1),  # a metered price has none
        started_at=_moment(subscription["start_date"]),
        current_period_start=_moment(item["current_period_start"]),
        current_period_end=_moment(item["current_period_end"]),
        trial_end=_moment(subscription["trial_end"]),
        # With flexible billing, Stripe's own pages set the date instead of the flag.
        cancel_at_period_end=subscription["cancel_at_period_end"]
        or (ends_at is not None and ends_at == item["current_period_end"]),
        cancel_at=_moment(ends_at),
        canceled_at=_moment(subscription["canceled_at"]),
        ended_at=_moment(subscription["ended_at"]),
        cancellation_reason=(subscription["cancellation_details"] or {}).get("reason") or "",
        paused=bool(subscription["pause_collection"])
        or subscription["status"] == SubscriptionStatus.PAUSED,
        card=saved_card(method),
        card_country=((method or {}).get("card") or {}).get("country") or "",
        setup=None if method else step_of(subscription["pending_setup_intent"]),
        latest_invoice_id=subscription["latest_invoice"] or "",
        invoices=tuple(invoices),
        origin=origin_of(subscription["metadata"]),
    )


def invoice_of(invoice: JSON) -> InvoiceSnapshot:
    """Read an Invoice's JSON, its payments and their PaymentIntents expanded."""
    period = _billed_period(invoice)
    return InvoiceSnapshot(
        invoice_id=invoice["id"],
        number=invoice["number"] or "",
        status=invoice["status"],
        billing_reason=invoice["billing_reason"] or "",
        amount_due=invoice["amount_due"],
        amount_paid=invoice["amount_paid"],
        currency=invoice["currency"],
        period_start=_moment(period["start"]),
        period_end=_moment(period["end"]),
        attempt=invoice["attempt_count"],
        next_attempt_at=_moment(invoice["next_payment_attempt"]),
        hosted_invoice_url=invoice["hosted_invoice_url"] or "",
        created_at=datetime.fromtimestamp(invoice["created"], UTC),
        payment=step_of(payment_intent_in(invoice)),
    )


def payment_intent_in(invoice: JSON) -> Any:
    """Return the PaymentIntent, or its id, that an invoice is paid by; None if it needs none."""
    payments = invoice["payments"]["data"]
    chosen = next((payment for payment in payments if payment["is_default"]), None)
    return chosen and chosen["payment"].get("payment_intent")


def step_of(intent: JSON | None) -> IntentStep | None:
    """Read a PaymentIntent's or SetupIntent's JSON."""
    if intent is None:
        return None
    failure = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
    return IntentStep(
        intent_id=intent["id"],
        status=intent["status"],
        client_secret=intent["client_secret"] or "",
        next_action=intent["next_action"],
        error_code=failure.get("code") or "",
        decline_code=failure.get("decline_code") or "",
        error_message=failure.get("message") or "",
    )


def origin_of(metadata: Mapping[str, str] | None) -> SubscriptionOrigin | None:
    """Read the metadata that we give every Subscription; None if somebody else made it."""
    try:
        metadata = metadata or {}
        return SubscriptionOrigin(
            subscription_id=UUID(metadata["subscription_id"]),
            event_id=UUID(metadata["event_id"]),
            correlation_id=UUID(metadata["correlation_id"]),
            customer_id=metadata["customer_id"],
        )
    except (KeyError, ValueError):
        return None


def saved_card(method: JSON | None) -> SavedCard | None:
    """Read a PaymentMethod's JSON; None if there is none, or if it is no card."""
    card = (method or {}).get("card")
    if not method or not card:
        return None
    return SavedCard(
        payment_method_id=method["id"],
        **{name: card[name] for name in ("brand", "last4", "exp_month", "exp_year")},
    )


def _billed_period(invoice: JSON) -> JSON:
    # An invoice's own period is the one before: https://docs.stripe.com/api/invoices/object
    periods = [line["period"] for line in invoice["lines"]["data"]]
    own = {"start": invoice["period_start"], "end": invoice["period_end"]}
    return max(periods, key=lambda period: period["end"], default=own)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
