"""Disputes: opened by the test cards that say so, or by a command to the emulator."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.objects import hidden, merged_metadata, public
from devstack.stripe_emulator.resources import balance_transactions, payment_methods
from devstack.stripe_emulator.routing import Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()

_DAYS_TO_RESPOND = 8
_OPEN = ("needs_response", "warning_needs_response", "under_review", "warning_under_review")
_EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


@routes.add("GET", "/v1/disputes", "DisputeListParams")
def index(request: Request) -> StripeObject:
    """List disputes."""
    params = request.params
    return list_objects(
        request,
        "dispute",
        where={"charge": params.get("charge"), "payment_intent": params.get("payment_intent")},
    )


@routes.add("GET", "/v1/disputes/{id}", "DisputeRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a dispute."""
    return request.session.get("dispute", request.id)


@routes.add("POST", "/v1/disputes/{id}", "DisputeUpdateParams")
def update(request: Request) -> StripeObject:
    """Add evidence, and submit it.

    Stripe's test evidence decides: `uncategorized_text` of `winning_evidence` wins, of
    `losing_evidence` loses, any other leaves the dispute under review.
    """
    session, params = request.session, request.params
    dispute = session.get("dispute", request.id)
    if "metadata" in params:
        dispute["metadata"] = merged_metadata(dispute["metadata"], params["metadata"])
    evidence = params.get("evidence", {})
    if evidence and dispute["status"] not in _OPEN:
        raise StripeError("This dispute is already closed.", code="charge_disputed")
    if evidence:
        dispute["evidence"].update(evidence)
        dispute["evidence_details"]["has_evidence"] = True
    session.save(dispute)
    if not evidence or not params.get("submit", True):
        return dispute
    dispute["evidence_details"]["submission_count"] += 1
    text = evidence.get("uncategorized_text")
    if text == "winning_evidence":
        return close_dispute(session, dispute, won=True)
    if text == "losing_evidence":
        return close_dispute(session, dispute, won=False)
    inquiry = dispute["status"].startswith("warning_")
    session.save(dispute, status="warning_under_review" if inquiry else "under_review")
    session.emit("charge.dispute.updated", dispute)
    return dispute


@routes.add("POST", "/v1/disputes/{id}/close", "DisputeCloseParams")
def close(request: Request) -> StripeObject:
    """Accept a dispute as lost."""
    dispute = request.session.get("dispute", request.id)
    if dispute["status"] not in _OPEN:
        raise StripeError("This dispute is already closed.")
    return close_dispute(request.session, dispute, won=False)


def open_dispute(
    session: Session, charge: StripeObject, *, reason: str, amount: int | None = None
) -> StripeObject:
    """Dispute a charge: its amount and a fee leave the balance, unless it is an inquiry only."""
    if not charge["captured"]:
        raise StripeError("Only a captured charge can be disputed.")
    if charge["disputed"]:
        raise StripeError("This charge is disputed already.", code="charge_disputed")
    inquiry = payment_methods.card_of(session.the(charge["payment_method"])).inquiry
    now = session.now()
    dispute = session.create(
        "dispute",
        created=now,
        amount=amount or charge["amount_captured"] - charge["amount_refunded"],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence={**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        evidence_details={
            "due_by": now + _DAYS_TO_RESPOND * 86400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        is_charge_refundable=inquiry,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details={
            "type": "card",
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": charge["payment_method_details"]["card"]["network"],
                "network_reason_code": "10.4",
            },
        },
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    hidden(charge)["inquiry"] = inquiry
    session.save(charge, disputed=True)
    session.emit("charge.dispute.created", dispute)
    if not inquiry:
        _move_money(session, dispute, "charge.dispute.funds_withdrawn", won=False)
    return dispute


def close_dispute(session: Session, dispute: StripeObject, *, won: bool) -> StripeObject:
    """Decide a dispute."""
    inquiry = dispute["status"].startswith("warning_")
    status = "warning_closed" if inquiry else "won" if won else "lost"
    session.save(dispute, status=status)
    session.emit("charge.dispute.closed", dispute)
    if won and not inquiry:
        _move_money(session, dispute, "charge.dispute.funds_reinstated", won=True)
    return dispute


def _move_money(session: Session, dispute: StripeObject, event_type: str, *, won: bool) -> None:
    transaction = balance_transactions.of_dispute(session, dispute, won=won)
    moved: list[Any] = [*dispute["balance_transactions"], public(transaction)]
    session.save(dispute, balance_transactions=moved)
    session.emit(event_type, dispute)
