"""Charges: every attempt at taking money, made by a PaymentIntent."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.expansion import includable
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.objects import a_list, hidden, merged_metadata, public
from devstack.stripe_emulator.resources import balance_transactions, payment_methods
from devstack.stripe_emulator.routing import Request, Routes
from devstack.stripe_emulator.session import Session
from devstack.stripe_emulator.test_cards import Decline, TestCard

routes = Routes()

_CAPTURE_WITHIN = 7 * 86400


@routes.add("GET", "/v1/charges", "ChargeListParams")
def index(request: Request) -> StripeObject:
    """List charges."""
    params = request.params
    return list_objects(
        request,
        "charge",
        where={
            "customer": params.get("customer"),
            "payment_intent": params.get("payment_intent"),
        },
    )


@routes.add("GET", "/v1/charges/{id}", "ChargeRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a charge."""
    return request.session.get("charge", request.id)


@routes.add("POST", "/v1/charges/{id}", "ChargeUpdateParams")
def update(request: Request) -> StripeObject:
    """Update description, metadata, receipt address or shipping."""
    session, params = request.session, request.params
    charge = session.get("charge", request.id)
    if "customer" in params and charge["customer"]:
        raise StripeError("This charge already has a customer.", param="customer")
    for name in ("customer", "description", "receipt_email", "shipping", "transfer_group"):
        if name in params:
            charge[name] = params[name]
    if "metadata" in params:
        charge["metadata"] = merged_metadata(charge["metadata"], params["metadata"])
    if "fraud_details" in params:
        charge["fraud_details"] = params["fraud_details"]
    session.save(charge)
    session.emit("charge.updated", charge)
    return charge


@includable("charge", "refunds")
def refunds_of(session: Session, charge: StripeObject) -> StripeObject:
    """Return the refunds of a charge, newest first."""
    refunds = session.all("refund", charge=charge["id"])
    return a_list(
        [public(refund) for refund in reversed(refunds)], url=f"/v1/charges/{charge['id']}/refunds"
    )


def succeed(session: Session, intent: StripeObject, method: StripeObject) -> StripeObject:
    """Make the charge of a payment that the bank approved, captured unless the intent waits."""
    card = payment_methods.card_of(method)
    manual = intent["capture_method"] == "manual"
    charge = _make(
        session,
        intent,
        method,
        paid=True,
        status="succeeded",
        captured=not manual,
        amount_captured=0 if manual else intent["amount"],
        outcome=_outcome(card, "authorized", "approved_by_network", None, "Payment complete."),
    )
    if manual:
        charge["payment_method_details"]["card"]["capture_before"] = (
            charge["created"] + _CAPTURE_WITHIN
        )
    session.emit("charge.succeeded", charge)
    if intent["capture_method"] == "automatic":
        settle(session, charge)
    elif not manual:
        session.schedule("settle_charge", charge["id"], after=0)
    return charge


def fail(
    session: Session, intent: StripeObject, method: StripeObject, decline: Decline
) -> StripeObject:
    """Make the charge of a payment that was declined."""
    reason = decline.decline_code or decline.code
    card = payment_methods.card_of(method)
    outcome = (
        _outcome(
            card,
            "blocked",
            "not_sent_to_network",
            "highest_risk_level",
            "Stripe blocked this payment as too risky.",
        )
        if decline.blocked
        else _outcome(
            card,
            "issuer_declined",
            "declined_by_network",
            reason,
            "The bank did not return any further details with this decline.",
        )
    )
    charge = _make(
        session,
        intent,
        method,
        paid=False,
        status="failed",
        failure_code=decline.code,
        failure_message=decline.message,
        outcome=outcome,
    )
    session.emit("charge.failed", charge)
    return charge


def begin(session: Session, intent: StripeObject, method: StripeObject) -> StripeObject:
    """Make the charge of a payment whose outcome is not known yet."""
    charge = _make(session, intent, method, paid=False, status="pending")
    session.emit("charge.pending", charge)
    return charge


def finish(session: Session, charge: StripeObject, decline: Decline | None) -> StripeObject:
    """Let a pending charge succeed, or fail."""
    if decline:
        session.save(
            charge,
            status="failed",
            failure_code=decline.code,
            failure_message=decline.message,
        )
        session.emit("charge.failed", charge)
        return charge
    session.save(
        charge, status="succeeded", paid=True, captured=True, amount_captured=charge["amount"]
    )
    settle(session, charge)
    session.emit("charge.succeeded", charge)
    return charge


def capture(session: Session, charge: StripeObject, amount: int) -> StripeObject:
    """Take an authorised amount; the bank releases the rest."""
    session.save(charge, captured=True, amount_captured=amount)
    settle(session, charge)
    session.emit("charge.captured", charge)
    return charge


def settle(session: Session, charge: StripeObject) -> StripeObject:
    """Record a captured charge's balance transaction, once."""
    if charge["balance_transaction"]:
        return charge
    method = session.the(charge["payment_method"])
    transaction = balance_transactions.of_charge(
        session,
        charge,
        available_at_once=payment_methods.card_of(method).available_at_once,
    )
    return session.save(charge, balance_transaction=transaction["id"])


def settle_later(session: Session, charge: StripeObject) -> None:
    """Settle a charge that was captured asynchronously, and say so."""
    if not charge["balance_transaction"]:
        settle(session, charge)
        session.emit("charge.updated", charge, previous={"balance_transaction": None})


def _make(
    session: Session, intent: StripeObject, method: StripeObject, **fields: Any
) -> StripeObject:
    charge = session.create(
        "charge",
        created=session.now(intent_clock(session, intent)),
        amount=intent["amount"],
        billing_details=method["billing_details"],
        calculated_statement_descriptor="PAYBRIDGE",
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        fraud_details={},
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=_method_details(method, authenticated=_authenticated(intent)),
        receipt_email=intent["receipt_email"],
        shipping=intent["shipping"],
        statement_descriptor_suffix=intent["statement_descriptor_suffix"],
        **fields,
    )
    hidden(charge)["idempotency_key"] = session.idempotency_key
    return charge


def intent_clock(session: Session, intent: StripeObject) -> StripeObject | None:
    """Return the customer whose test clock an intent lives on, if it has one."""
    return session.the(intent["customer"]) if intent["customer"] else None


def _authenticated(intent: StripeObject) -> bool:
    return bool(hidden(intent).get("authenticated"))


def _method_details(method: StripeObject, *, authenticated: bool) -> dict[str, Any]:
    card = method["card"]
    shown = (
        "brand",
        "checks",
        "country",
        "exp_month",
        "exp_year",
        "fingerprint",
        "funding",
        "last4",
        "regulated_status",
        "wallet",
    )
    three_d_secure = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
    return {
        "type": "card",
        "card": {
            **{name: card[name] for name in shown},
            "authorization_code": None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {"status": "unavailable", "maximum_amount_capturable": 0},
            "three_d_secure": three_d_secure if authenticated else None,
        },
    }


def _outcome(
    card: TestCard, kind: str, network_status: str, reason: str | None, seller_message: str
) -> dict[str, Any]:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": reason,
        "risk_level": card.risk_level,
        "risk_score": {"normal": 12, "elevated": 68, "highest": 92}[card.risk_level],
        "seller_message": seller_message,
        "type": kind,
    }
