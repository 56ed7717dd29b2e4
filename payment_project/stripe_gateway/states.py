"""What Stripe's objects say of a payment, as the rest of the service needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from kafka_bridge.contracts import PaymentStatus, SavedCard
from kafka_bridge.ids import uuid_or_none
from payment_project.stripe_gateway.sdk import stripe

_CARD_IS_SAVED: Final = (PaymentStatus.SUCCEEDED, PaymentStatus.REQUIRES_CAPTURE)


class Origin(NamedTuple):
    """What a PaymentIntent of ours says of the request that it was made for."""

    payment_id: UUID
    event_id: UUID
    correlation_id: UUID
    customer_id: str
    amount: int
    currency: str
    created_at: datetime


class Refusal(NamedTuple):
    """Why Stripe did not do what was asked, when that is the asker's concern and not ours."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund; `refund_id` is the event that asked for it, None if it was made at Stripe."""

    refund_id: UUID | None
    stripe_refund_id: str
    """Empty if Stripe refused to make it."""
    amount: int
    status: str
    created_at: datetime
    reason: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class DisputeState:
    """A dispute of the payment's charge."""

    dispute_id: str
    amount: int
    status: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IntentState:
    """A PaymentIntent as Stripe answered; its id is empty if Stripe refused to make one."""

    status: PaymentStatus
    payment_intent_id: str = ""
    stripe_customer_id: str = ""
    client_secret: str = ""
    next_action: Mapping[str, Any] | None = None
    error_code: str = ""
    decline_code: str = ""
    error_message: str = ""
    card_brand: str = ""
    card_country: str = ""
    authentication_flow: str = ""
    """How the bank made sure of the customer: `challenge`, `frictionless`, or not at all."""
    amount_captured: int = 0
    saved_card: SavedCard | None = None
    refunds: tuple[RefundState, ...] | None = None
    """The oldest first; None if nobody looked."""
    disputes: tuple[DisputeState, ...] | None = None
    """The oldest first; None if nobody looked."""
    origin: Origin | None = None
    """None if the PaymentIntent is not of our making."""
    refusal: Refusal | None = None
    """Why it is not as it was asked to become."""


def state_of(intent: Mapping[str, Any]) -> IntentState:
    """Read a PaymentIntent's JSON; its `latest_charge` may be expanded or not."""
    failure = intent.get("last_payment_error") or {}
    brand, country = _card(_charged_method(intent))
    return IntentState(
        status=PaymentStatus(intent["status"]),
        payment_intent_id=intent["id"],
        stripe_customer_id=intent["customer"] or "",
        client_secret=intent["client_secret"],
        next_action=intent["next_action"],
        error_code=failure.get("code") or "",
        decline_code=failure.get("decline_code") or "",
        error_message=failure.get("message") or "",
        card_brand=brand,
        card_country=country,
        authentication_flow=_authentication_flow(_charged_method(intent)),
        amount_captured=intent["amount_received"],
        saved_card=_saved_card(intent),
        origin=_origin(intent),
    )


def declined_state(declined: "stripe.CardError") -> IntentState:
    """Read the PaymentIntent that a decline tells of."""
    body: Any = declined.json_body or {}
    error: Mapping[str, Any] = body.get("error", {})
    intent: Mapping[str, Any] = error.get("payment_intent") or {}
    brand, country = _card(error.get("payment_method"))
    return IntentState(
        status=PaymentStatus(intent.get("status", PaymentStatus.FAILED)),
        payment_intent_id=intent.get("id", ""),
        client_secret=intent.get("client_secret") or "",
        error_code=error.get("code") or "",
        decline_code=error.get("decline_code") or "",
        error_message=error.get("message") or "",
        card_brand=brand,
        card_country=country,
        origin=_origin(intent),
    )


def refunds_of(refunds: Sequence[Mapping[str, Any]]) -> tuple[RefundState, ...]:
    """Read Stripe's list of refunds, which begins with the newest."""
    return tuple(
        RefundState(
            refund_id=uuid_or_none((refund["metadata"] or {}).get("refund_id")),
            stripe_refund_id=refund["id"],
            amount=refund["amount"],
            status=refund["status"],
            created_at=_moment(refund["created"]),
            reason=refund["reason"] or "",
            error=refund.get("failure_reason") or "",
        )
        for refund in reversed(refunds)
    )


def disputes_of(disputes: Sequence[Mapping[str, Any]]) -> tuple[DisputeState, ...]:
    """Read Stripe's list of disputes, which begins with the newest."""
    return tuple(
        DisputeState(
            dispute_id=dispute["id"],
            amount=dispute["amount"],
            status=dispute["status"],
            reason=dispute["reason"] or "",
            created_at=_moment(dispute["created"]),
        )
        for dispute in reversed(disputes)
    )


def _saved_card(intent: Mapping[str, Any]) -> SavedCard | None:
    if not (intent["customer"] and intent["setup_future_usage"]):
        return None
    card = (_charged_method(intent) or {}).get("card")
    if intent["status"] not in _CARD_IS_SAVED or not card:
        return None
    return SavedCard(
        payment_method_id=intent["payment_method"],
        **{name: card[name] for name in ("brand", "last4", "exp_month", "exp_year")},
    )


def _origin(intent: Mapping[str, Any]) -> Origin | None:
    try:
        metadata = intent["metadata"]
        return Origin(
            payment_id=UUID(metadata["payment_id"]),
            event_id=UUID(metadata["event_id"]),
            correlation_id=UUID(metadata["correlation_id"]),
            customer_id=metadata["customer_id"],
            amount=intent["amount"],
            currency=intent["currency"],
            created_at=_moment(intent["created"]),
        )
    except (KeyError, ValueError):
        return None  # made by somebody else with the same Stripe account


def _charged_method(intent: Mapping[str, Any]) -> Mapping[str, Any] | None:
    charge = intent.get("latest_charge")
    return charge.get("payment_method_details") if isinstance(charge, dict) else None


def _card(method: Mapping[str, Any] | None) -> tuple[str, str]:
    card = (method or {}).get("card") or {}
    return card.get("brand") or "", card.get("country") or ""


def _authentication_flow(method: Mapping[str, Any] | None) -> str:
    card = (method or {}).get("card") or {}
    return (card.get("three_d_secure") or {}).get("authentication_flow") or ""


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
