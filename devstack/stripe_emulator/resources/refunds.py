"""Refunds: in part or in full, never more than was paid."""

from __future__ import annotations

from devstack.stripe_emulator import currencies
from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.objects import hidden, merged_metadata
from devstack.stripe_emulator.resources import balance_transactions, payment_methods
from devstack.stripe_emulator.routing import Params, Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()

_BANK_TAKES = 1.0


@routes.add("POST", "/v1/refunds", "RefundCreateParams")
def create(request: Request) -> StripeObject:
    """Refund a charge, or the charge of a PaymentIntent."""
    session, params = request.session, request.params
    charge = _charge_to_refund(session, params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left <= 0:
        raise StripeError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if charge["disputed"] and not hidden(charge).get("inquiry"):
        raise StripeError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    amount = params.get("amount", left)
    if amount < 1:
        raise StripeError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount > left:
        currency = charge["currency"]
        raise StripeError(
            f"Refund amount ({currencies.formatted(amount, currency)}) is greater than unrefunded"
            f" amount on charge ({currencies.formatted(left, currency)})",
            param="amount",
        )
    return _make(session, charge, amount, params)


@routes.add("GET", "/v1/refunds", "RefundListParams")
def index(request: Request) -> StripeObject:
    """List refunds."""
    params = request.params
    return list_objects(
        request,
        "refund",
        where={"charge": params.get("charge"), "payment_intent": params.get("payment_intent")},
    )


@routes.add("GET", "/v1/refunds/{id}", "RefundRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a refund."""
    return request.session.get("refund", request.id)


@routes.add("POST", "/v1/refunds/{id}", "RefundUpdateParams")
def update(request: Request) -> StripeObject:
    """Update a refund's metadata."""
    session, params = request.session, request.params
    refund = session.get("refund", request.id)
    if "metadata" in params:
        refund["metadata"] = merged_metadata(refund["metadata"], params["metadata"])
    session.save(refund)
    session.emit("refund.updated", refund)
    return refund


def finish(session: Session, refund: StripeObject, *, success: bool) -> StripeObject:
    """Let the bank answer about a refund: it arrives, or the money comes back."""
    if success:
        if refund["status"] == "pending":
            session.save(refund, status="succeeded")
            refund.pop("pending_reason", None)
            session.emit("refund.updated", refund, previous={"status": "pending"})
        return refund
    transaction = balance_transactions.of_failed_refund(session, refund)
    session.save(
        refund,
        status="failed",
        failure_balance_transaction=transaction["id"],
        failure_reason="expired_or_canceled_card",
    )
    charge = session.the(refund["charge"])
    session.save(
        charge, amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False
    )
    session.emit("refund.failed", refund)
    return refund


def _charge_to_refund(session: Session, params: Params) -> StripeObject:
    if "charge" in params:
        charge = session.get("charge", params["charge"], param="charge")
    elif "payment_intent" in params:
        intent = session.get("payment_intent", params["payment_intent"], param="payment_intent")
        if intent["status"] not in ("succeeded", "requires_capture"):
            raise StripeError(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
                param="payment_intent",
            )
        charge = session.the(intent["latest_charge"])
    else:
        raise StripeError(
            "One of the following params should be provided for this request: payment_intent or"
            " charge.",
            code="parameter_missing",
        )
    if not charge["captured"]:
        raise StripeError(
            f"Charge {charge['id']} has not been captured: cancel its PaymentIntent instead.",
            code="charge_not_refundable",
        )
    return charge


def _make(session: Session, charge: StripeObject, amount: int, params: Params) -> StripeObject:
    behaviour = payment_methods.card_of(session.the(charge["payment_method"])).refunds
    pending = behaviour == "pending"
    refund = session.create(
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        destination_details={
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        metadata=merged_metadata({}, params.get("metadata", {})),
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=params.get("reason"),
        status="pending" if pending else "succeeded",
    )
    if pending:
        refund["pending_reason"] = "processing"
    refund["balance_transaction"] = balance_transactions.of_refund(session, refund)["id"]
    refunded = charge["amount_refunded"] + amount
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    session.save(charge, amount_refunded=refunded, refunded=refunded == charge["amount_captured"])
    session.emit("refund.created", refund)
    session.emit("charge.refunded", charge, previous=before)
    if behaviour != "succeeds":
        session.schedule("finish_refund", refund["id"], after=_BANK_TAKES, success=pending)
    return refund
