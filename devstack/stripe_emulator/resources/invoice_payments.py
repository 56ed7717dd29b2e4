"""InvoicePayments: which PaymentIntents pay an invoice."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.expansion import includable
from devstack.stripe_emulator.lists import list_objects, matches
from devstack.stripe_emulator.objects import a_list, hidden, public
from devstack.stripe_emulator.routing import Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()


@routes.add("GET", "/v1/invoice_payments", "InvoicePaymentListParams")
def index_payments(request: Request) -> StripeObject:
    """List payments, of an invoice or of a PaymentIntent."""
    params = request.params
    payment = params.get("payment", {})
    return list_objects(
        request,
        "invoice_payment",
        where={
            "invoice": params.get("invoice"),
            "payment_intent": payment.get("payment_intent"),
        },
        keep=matches(params, "status"),
    )


@routes.add("GET", "/v1/invoice_payments/{id}", "InvoicePaymentRetrieveParams")
def retrieve_payment(request: Request) -> StripeObject:
    """Retrieve a payment of an invoice."""
    return request.session.get("invoice_payment", request.id)


@includable("invoice", "confirmation_secret")
def confirmation_secret(session: Session, invoice: StripeObject) -> dict[str, Any] | None:
    """Return what a browser pays an open invoice with."""
    intent_id = hidden(invoice).get("payment_intent")
    if intent_id is None or invoice["status"] != "open":
        return None
    secret = session.the(intent_id)["client_secret"]
    return {"client_secret": secret, "type": "payment_intent"}


@includable("invoice", "payments")
def payments(session: Session, invoice: StripeObject) -> StripeObject:
    """Return an invoice's payments."""
    found = session.all("invoice_payment", invoice=invoice["id"])
    return a_list([public(payment) for payment in found], url="/v1/invoice_payments")
