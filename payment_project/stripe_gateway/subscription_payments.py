"""The unpaid invoices of a subscription, and paying them."""

from collections.abc import Sequence

from kafka_bridge.contracts import SubscriptionStatus
from payment_project.stripe_gateway.errors import StripeRejected
from payment_project.stripe_gateway.invoices import (
    finalize_invoice,
    find_invoice,
    open_invoices,
    pay_invoice,
)
from payment_project.stripe_gateway.sdk import stripe
from payment_project.stripe_gateway.subscription_states import JSON


async def pay_with(setup: JSON, subscription: JSON) -> list[str]:
    """Try to pay what is open with the card of a SetupIntent, which the Subscription has.

    Once for each invoice, whoever hears of the card: who asked for it, or a webhook.
    Returns the ids of those tried.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    return await pay_each(await unpaid_invoices(subscription), f"{setup['id']}:pay")


async def unpaid_invoices(subscription: JSON) -> list[JSON]:
    """List the open invoices, the oldest first, and the draft that an `unpaid` one waits for.

    https://docs.stripe.com/billing/subscriptions/overview#unpaid-subscriptions

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    unpaid: list[JSON] = [*await open_invoices(subscription["id"])]
    if subscription["status"] == SubscriptionStatus.UNPAID:
        latest = await find_invoice_of(subscription)
        if latest and latest["status"] == "draft":
            unpaid.append(latest)
    return unpaid


async def pay_each(
    invoices: Sequence[JSON], idempotency_key: str, *, payment_method_id: str | None = None
) -> list[str]:
    """Try to pay one after another until one is not paid; return the ids of those tried.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    tried: list[str] = []
    for invoice in invoices:
        tried.append(invoice["id"])
        key = f"{idempotency_key}:{invoice['id']}"
        if invoice["status"] == "draft":
            await finalize_invoice(invoice["id"], idempotency_key=f"{key}:finalize")
        if not await _try_to_pay(invoice["id"], key, payment_method_id=payment_method_id):
            break
    return tried


async def find_invoice_of(subscription: JSON, invoice_id: str | None = None) -> JSON | None:
    """Fetch an invoice of a Subscription: the latest, if none is named.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    wanted = invoice_id or subscription["latest_invoice"]
    return await find_invoice(wanted, of=subscription["id"]) if wanted else None


async def _try_to_pay(
    invoice_id: str, idempotency_key: str, *, payment_method_id: str | None
) -> bool:
    try:
        await pay_invoice(
            invoice_id, payment_method_id=payment_method_id, idempotency_key=idempotency_key
        )
    except stripe.CardError:
        return False  # why stands in the invoice
    except StripeRejected as error:
        if getattr(error.__cause__, "code", None) != "invoice_already_paid":
            raise
    return True
