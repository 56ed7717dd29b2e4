"""Subscriptions: made, and their first payment confirmed, with keys that make repetition harmless.

https://docs.stripe.com/billing/subscriptions/overview#requires-action
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from uuid import UUID

from kafka_bridge.contracts import SubscriptionRequested, SubscriptionStatus
from payment_project.stripe_gateway.cards import HowToPay, confirm, take_card
from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import (
    StripeRejected,
    card_is_owned_or_spent,
    is_missing,
)
from payment_project.stripe_gateway.idempotency import make_once
from payment_project.stripe_gateway.invoices import find_invoice, open_invoices
from payment_project.stripe_gateway.lists import all_of
from payment_project.stripe_gateway.prices import find_or_make_price
from payment_project.stripe_gateway.sdk import stripe
from payment_project.stripe_gateway.states import Refusal
from payment_project.stripe_gateway.subscription_states import (
    ENDED,
    JSON,
    SubscriptionSnapshot,
    invoice_of,
    payment_intent_in,
    snapshot_of,
    step_of,
)

if TYPE_CHECKING:
    from stripe.params import SubscriptionCreateParams

_WITH_FIRST_STEP: Final = ["latest_invoice.payments", "pending_setup_intent"]
_WITH_CARD: Final = ["default_payment_method", "pending_setup_intent"]

_ASKERS_OWN: Final = (
    *("payment_method", "default_payment_method", "confirmation_token", "return_url"),
    *("unit_amount", "currency", "recurring", "items", "trial_period_days"),
    *("proration_date", "subscription_details"),
)
"""Parameters, or the beginnings of their names, that are passed on as they came in the event."""


async def create_subscription(
    event: SubscriptionRequested, *, stripe_customer_id: str
) -> SubscriptionSnapshot:
    """Make the Subscription that the event asks for, once, and try to pay its first invoice.

    A decline, or 3-D Secure, is told in the snapshot's latest invoice, or in its set-up where
    nothing is to be paid yet. What Stripe refuses of the customer's own values fails the request:
    the snapshot has the status `failed` and its refusal, and nothing of it goes on at Stripe. So it
    does where the Customer has another card that Stripe would take, and this one is declined.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    made: JSON | None = None
    try:
        made = await _find_or_make(event, stripe_customer_id)
        setup = await _confirm_first(event, made, stripe_customer_id)
    except (stripe.CardError, StripeRejected) as error:
        refusal = _refusal_of(error)
        if refusal is None:
            raise
        if made:
            await cancel_now(made["id"])
        return failed_snapshot(event, refusal, stripe_subscription_id=made["id"] if made else "")
    return replace(await retrieve_subscription(made["id"]), new_card=step_of(setup))


async def fetch_subscription(stripe_subscription_id: str) -> dict[str, Any]:
    """Fetch a Subscription's JSON as `snapshot_of` takes it.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    path = f"/v1/subscriptions/{quote(stripe_subscription_id, safe='')}"
    return await request("get", path, {"expand": _WITH_CARD})


async def retrieve_subscription(
    stripe_subscription_id: str, *, invoice_ids: Iterable[str] = ()
) -> SubscriptionSnapshot:
    """Fetch a Subscription as it is now, with its latest invoice and those named that it has.

    One that has ended comes with all invoices that stay open: nobody pays them any more, and no
    webhook says so of each.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    subscription = await fetch_subscription(stripe_subscription_id)
    return await whole_snapshot_of(subscription, invoice_ids=invoice_ids)


async def whole_snapshot_of(
    subscription: JSON, *, invoice_ids: Iterable[str] = ()
) -> SubscriptionSnapshot:
    """Read what `fetch_subscription` returned, and fetch its invoices.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    wanted = dict.fromkeys([*invoice_ids, subscription["latest_invoice"]])
    if has_ended(subscription):
        wanted |= {invoice["id"]: None for invoice in await open_invoices(subscription["id"])}
    found = [await find_invoice(one, of=subscription["id"]) for one in wanted if one]
    return snapshot_of(subscription, [invoice_of(invoice) for invoice in found if invoice])


async def cancel_now(stripe_subscription_id: str) -> None:
    """End a Subscription at once; one that has ended already stays as it is.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    subscription = await fetch_subscription(stripe_subscription_id)
    if not has_ended(subscription):
        await end(stripe_subscription_id)


async def end(stripe_subscription_id: str) -> None:
    """End a Subscription that was seen to run, at once and without another look before.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    try:
        await request("delete", f"/v1/subscriptions/{stripe_subscription_id}", {})
    except StripeRejected as error:
        # The SDK repeats it if the answer is lost, and then there is nothing left to end.
        if not is_missing(error) or not has_ended(await fetch_subscription(stripe_subscription_id)):
            raise


def has_ended(subscription: JSON) -> bool:
    """Tell whether nothing can happen to a Subscription any more."""
    return subscription["status"] in ENDED


def refusal_of_values(error: StripeRejected) -> Refusal | None:
    """Return why Stripe refused what the event's own values say; None if that is our bug."""
    if owned := card_is_owned_or_spent(error):
        return Refusal("resource_missing", str(owned))
    cause = error.__cause__
    if isinstance(cause, stripe.InvalidRequestError) and (cause.param or "").startswith(
        _ASKERS_OWN
    ):
        return Refusal(cause.code or "invalid_request", cause.user_message or str(cause))
    return None


def refusal_of_decline(error: "stripe.CardError") -> Refusal:
    """Return why a card was declined."""
    return Refusal(error.code or "", error.user_message or str(error))


def failed_snapshot(
    event: SubscriptionRequested, refusal: Refusal, *, stripe_subscription_id: str = ""
) -> SubscriptionSnapshot:
    """Describe a subscription that came to nothing, by its request."""
    plan, context = event.plan_info, event.subscription_context
    return SubscriptionSnapshot(
        stripe_subscription_id=stripe_subscription_id,
        status=SubscriptionStatus.FAILED,
        subscription_plan_id=event.subscription_plan_id,
        amount=plan.amount,
        currency=plan.currency,
        interval=plan.interval,
        interval_count=plan.interval_count,
        quantity=context.quantity if context else 1,
        refusal=refusal,
    )


def subscription_id_of(event: SubscriptionRequested) -> UUID:
    """Return our id of the subscription that an event asks for."""
    context = event.subscription_context
    return (context and context.subscription_id) or event.event_id


async def _find_or_make(event: SubscriptionRequested, stripe_customer_id: str) -> JSON:
    price_id = await find_or_make_price(event.subscription_plan_id, event.plan_info)
    return await make_once(
        lambda: request(
            "post",
            "/v1/subscriptions",
            _create_params(event, stripe_customer_id, price_id),
            idempotency_key=f"{subscription_id_of(event)}:subscription",
        ),
        find=lambda: _find(event, stripe_customer_id),
    )


async def _find(event: SubscriptionRequested, stripe_customer_id: str) -> dict[str, Any] | None:
    ours = str(subscription_id_of(event))
    listed = {"customer": stripe_customer_id, "status": "all"}
    expand = [f"data.{path}" for path in _WITH_FIRST_STEP]
    async for made in all_of("/v1/subscriptions", {**listed, "expand": expand}):
        if made["metadata"].get("subscription_id") == ours:
            return made
    return None


async def _confirm_first(
    event: SubscriptionRequested, made: JSON, stripe_customer_id: str
) -> JSON | None:
    """Try to pay, or to keep the card; return the SetupIntent that takes another's place."""
    how = HowToPay(
        payment_method_id=event.payment_method_id,
        confirmation_token=event.confirmation_token,
        return_url=event.payment_options.return_url if event.payment_options else None,
    )
    key = f"{event.event_id}:confirm"
    invoice = made["latest_invoice"]
    if setup := made["pending_setup_intent"]:
        await confirm(f"/v1/setup_intents/{setup['id']}", how, idempotency_key=key)
    elif invoice and (intent_id := payment_intent_in(invoice)):
        await confirm(f"/v1/payment_intents/{intent_id}", how, idempotency_key=key)
    else:  # the Customer has a card that Stripe takes, and this is another
        return await take_card(made, how, event=event, stripe_customer_id=stripe_customer_id)
    return None


def _refusal_of(error: "stripe.CardError | StripeRejected") -> Refusal | None:
    if isinstance(error, StripeRejected):
        return refusal_of_values(error)
    return refusal_of_decline(error)


def _create_params(
    event: SubscriptionRequested, stripe_customer_id: str, price_id: str
) -> "SubscriptionCreateParams":
    # From the event, and from what never changes: a repetition must send the same body.
    context = event.subscription_context
    params: SubscriptionCreateParams = {
        "customer": stripe_customer_id,
        "items": [{"price": price_id, "quantity": context.quantity if context else 1}],
        "payment_behavior": "default_incomplete",
        "payment_settings": {
            "payment_method_types": ["card"],
            "save_default_payment_method": "on_subscription",
        },
        "metadata": _metadata(event),
        "expand": _WITH_FIRST_STEP,
    }
    if context and context.trial_days:
        params["trial_period_days"] = context.trial_days
        # A trial whose card was declined, and never replaced, owes nothing at its end.
        params["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
    if event.payment_options and event.payment_options.description:
        params["description"] = event.payment_options.description
    return params


def _metadata(event: SubscriptionRequested) -> dict[str, str]:
    return {
        "event_id": str(event.event_id),
        "subscription_id": str(subscription_id_of(event)),
        "customer_id": event.customer_id,
        "correlation_id": str(event.correlation_id or event.event_id),
    }
