"""Invoices: looked at, finalized, and paid."""

from typing import Any, Final
from urllib.parse import quote

from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import StripeRejected, is_missing
from payment_project.stripe_gateway.lists import all_of
from payment_project.stripe_gateway.subscription_states import JSON

_WITH_PAYMENT: Final = ["payments.data.payment.payment_intent"]


async def fetch_invoice(invoice_id: str) -> dict[str, Any]:
    """Fetch an invoice's JSON as `invoice_of` takes it.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    path = f"/v1/invoices/{quote(invoice_id, safe='')}"
    return await request("get", path, {"expand": _WITH_PAYMENT})


async def find_invoice(invoice_id: str, *, of: str) -> dict[str, Any] | None:
    """Fetch an invoice if there is one that bills the Subscription `of`.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    try:
        invoice = await fetch_invoice(invoice_id)
    except StripeRejected as error:
        if is_missing(error):
            return None
        raise
    return invoice if subscription_of(invoice) == of else None


async def open_invoices(stripe_subscription_id: str) -> list[dict[str, Any]]:
    """List the open invoices of a Subscription, the oldest first.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    wanted = {"subscription": stripe_subscription_id, "status": "open"}
    return [invoice async for invoice in all_of("/v1/invoices", wanted)][::-1]


def subscription_of(invoice: JSON) -> str:
    """Return the Subscription that an invoice bills; empty if it bills none."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return str(details.get("subscription") or "")


async def finalize_invoice(invoice_id: str, *, idempotency_key: str) -> None:
    """Open a draft, so that it can be paid; Stripe goes on with it as it would have.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    path = f"/v1/invoices/{quote(invoice_id, safe='')}/finalize"
    await request("post", path, {}, idempotency_key=idempotency_key)


async def pay_invoice(
    invoice_id: str, *, payment_method_id: str | None = None, idempotency_key: str
) -> None:
    """Try to take the money of an open invoice, in the presence of its customer.

    How it went, declines and 3-D Secure included, stands in the invoice afterwards. If it needs
    3-D Secure, Stripe takes the money itself when the customer is back.

    Raises:
        CardError: declined, or waiting for the customer.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    params: dict[str, Any] = {"off_session": False}
    if payment_method_id:
        params["payment_method"] = payment_method_id
    path = f"/v1/invoices/{quote(invoice_id, safe='')}/pay"
    await request("post", path, params, idempotency_key=idempotency_key)
