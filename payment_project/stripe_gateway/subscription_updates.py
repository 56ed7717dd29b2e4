"""What is done to a subscription at Stripe after its set-up."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from kafka_bridge.contracts import (
    PlanInfo,
    ProrationPreview,
    SubscriptionStatus,
    SubscriptionUpdateRequested,
)
from payment_project.stripe_gateway.cards import HowToPay, attach, take_card, use_card
from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import NotOfThisSubscription, StripeRejected
from payment_project.stripe_gateway.invoices import open_invoices
from payment_project.stripe_gateway.prices import find_or_make_price
from payment_project.stripe_gateway.sdk import stripe
from payment_project.stripe_gateway.states import Refusal
from payment_project.stripe_gateway.subscription_payments import (
    find_invoice_of,
    pay_each,
    pay_with,
    unpaid_invoices,
)
from payment_project.stripe_gateway.subscription_states import (
    JSON,
    IntentStep,
    SubscriptionSnapshot,
    step_of,
)
from payment_project.stripe_gateway.subscriptions import (
    end,
    fetch_subscription,
    has_ended,
    refusal_of_decline,
    refusal_of_values,
    retrieve_subscription,
    whole_snapshot_of,
)

_ENDED: Final = Refusal("subscription_ended", "This subscription has ended.")
_NOT_BEGUN: Final = Refusal("subscription_incomplete", "This subscription is not paid for yet.")
_UNPAID: Final = Refusal("invoice_open", "An invoice is not paid. Pay it first.")
_PAUSED: Final = Refusal("collection_paused", "This subscription is paused. Resume it first.")
_NO_INVOICE: Final = Refusal("invoice_not_open", "There is no unpaid invoice.")


class Outcome(NamedTuple):
    """What an action leaves behind beside the Subscription itself."""

    refusal: Refusal | None = None
    preview: ProrationPreview | None = None
    new_card: IntentStep | None = None
    invoice_ids: Sequence[str] = ()


async def update_subscription(event: SubscriptionUpdateRequested) -> SubscriptionSnapshot:
    """Do to a subscription what the event asks, once, and return how it is then.

    What Stripe refuses for the sake of the subscription's state or of the asker's values is an
    answer: the state with its `refusal`.

    Raises:
        NotOfThisSubscription: Stripe's was made for another subscription or customer of ours.
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    subscription = await fetch_subscription(event.stripe_subscription_id)
    if not _is_of(subscription, event):
        raise NotOfThisSubscription(
            f"{event.stripe_subscription_id} is not of subscription {event.subscription_id}"
        )
    invoice_ids = [event.invoice_id] if event.invoice_id else []
    if event.action == "refresh":
        return await whole_snapshot_of(subscription, invoice_ids=invoice_ids)
    try:
        outcome = await _ACTIONS[event.action](event, subscription)
    except stripe.CardError as error:
        outcome = Outcome(refusal=refusal_of_decline(error))
    except StripeRejected as error:
        refusal = refusal_of_values(error) or _refusal_of_state(error)
        if refusal is None:
            raise
        outcome = Outcome(refusal=refusal)
    snapshot = await retrieve_subscription(
        subscription["id"], invoice_ids=[*outcome.invoice_ids, *invoice_ids]
    )
    return replace(
        snapshot,
        refusal=outcome.refusal,
        preview=outcome.preview,
        new_card=outcome.new_card,
    )


async def _cancel(event: SubscriptionUpdateRequested, subscription: JSON) -> Outcome:
    if has_ended(subscription):
        return Outcome()
    if event.invoice_id and not await _is_unpaid(subscription, event.invoice_id):
        return Outcome()  # nobody gives up who was paid meanwhile
    if not event.at_period_end:
        # Nothing is asked in between: who pays while a turn is waited for is not to be cut off.
        await end(subscription["id"])
    elif not subscription["cancel_at_period_end"]:
        await _post(event, {"cancel_at_period_end": True})
    return Outcome()


async def _reactivate(event: SubscriptionUpdateRequested, subscription: JSON) -> Outcome:
    if has_ended(subscription):
        return Outcome(_ENDED)
    if subscription["cancel_at_period_end"]:
        await _post(event, {"cancel_at_period_end": False})
    elif subscription["cancel_at"]:
        await _post(event, {"cancel_at": ""})
    return Outcome()


async def _pause(event: SubscriptionUpdateRequested, subscription: JSON) -> Outcome:
    """Collect nothing until resumed: the invoices of that time are void."""
    if refusal := _not_running(subscription):
        return Outcome(refusal)
    if not subscription["pause_collection"]:
        await _post(event, {"pause_collection": {"behavior": "void"}})
    return Outcome()


async def _resume(event: SubscriptionUpdateRequested, subscription: JSON) -> Outcome:
    if refusal := _not_running(subscription):
        return Outcome(refusal)
    if subscription["status"] == "paused":
        await _post(event, {"billing_cycle_anchor": {"type": "now"}}, path="/resume")
    elif subscription["pause_collection"]:
        await _post(event, {"pause_collection": ""})
    return Outcome()


async def _preview_plan(event: SubscriptionUpdateRequested, subscription: JSON) -> Outcome:
    if refusal := _not_running(subscription) or await _not_settled(subscription):
        return Outcome(refusal)
    at = int((event.proration_date or event.timestamp).timestamp())
    at = max(at, subscription["items"]["data"][0]["current_period_start"])
    item = await _changed_item(event, subscription)
    details = {"items": [item], "proration_behavior": "always_invoice", "proration_date": at}
    preview = await request(
        "post",
        "/v1/invoices/create_preview",
        {"subscription": subscription["id"], "subscription_details": details},
        idempotency_key=f"{event.event_id}:preview:{at}",
    )
    return Outcome(
        preview=ProrationPreview(
            subscription_plan_id=event.subscription_plan_id or "",
            # In a trial, what Stripe shows is the invoice at its end: no change costs anything now.
            amount_due=0 if subscription["status"] == "trialing" else preview["amount_due"],
            currency=preview["currency"],
            proration_date=datetime.fromtimestamp(at, UTC),
        )
    )


async def _change_plan(event: SubscriptionUpdateRequested, subscription: JSON) -> Outcome:
    """Change plan and quantity once the difference is paid, which is invoiced at once.

    Where it is declined, or the bank wants to see the customer, all stays as it is until the
    invoice is paid, or void a day later:
    https://docs.stripe.com/billing/subscriptions/pending-updates
    """
    if refusal := _not_running(subscription):
        return Outcome(refusal)
    item = await _changed_item(event, subscription)
    if _is_or_will_be(subscription, item):
        return Outcome()
    if refusal := await _not_settled(subscription):
        return Outcome(refusal)
    params: dict[str, Any] = {
        "items": [item],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }
    if event.proration_date:
        params["proration_date"] = int(event.proration_date.timestamp())
    await _post(event, params)
    return Outcome()


async def _change_card(event: SubscriptionUpdateRequested, subscription: JSON) -> Outcome:
    """Take another card, and pay with it what is open."""
    if has_ended(subscription):
        return Outcome(_ENDED)
    how = HowToPay(event.payment_method_id, event.confirmation_token, event.return_url)
    setup = await take_card(
        subscription, how, event=event, stripe_customer_id=subscription["customer"]
    )
    tried: Sequence[str] = ()
    if setup["status"] == "succeeded":
        tried = await pay_with(setup, subscription)
    return Outcome(new_card=step_of(setup), invoice_ids=tried)


async def _pay(event: SubscriptionUpdateRequested, subscription: JSON) -> Outcome:
    """Pay one invoice, or else all that are open."""
    unpaid = [] if event.invoice_id else await unpaid_invoices(subscription)
    if not unpaid:
        invoice = await find_invoice_of(subscription, event.invoice_id)
        if invoice is None or invoice["status"] not in ("open", "uncollectible", "paid"):
            return Outcome(_NO_INVOICE)
        if invoice["status"] == "paid":
            return Outcome()
        unpaid = [invoice]
    card = event.payment_method_id
    if card:  # an invoice is paid with none but its Customer's
        card = await attach(
            card,
            stripe_customer_id=subscription["customer"],
            idempotency_key=f"{event.event_id}:attach",
        )
    tried = await pay_each(unpaid, f"{event.event_id}:pay", payment_method_id=card)
    return Outcome(invoice_ids=tried)


async def finish_card(setup: JSON) -> str:
    """Take the card of a SetupIntent that succeeded, and pay with it what is open.

    For who hears that the customer is back from the bank: any number of times, in any order.
    Returns the Subscription's id; empty if the SetupIntent is not that of a `change_card`.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    stripe_subscription_id = str(setup["metadata"].get("stripe_subscription_id", ""))
    if stripe_subscription_id and setup["status"] == "succeeded":
        subscription = await fetch_subscription(stripe_subscription_id)
        if not has_ended(subscription) and await use_card(subscription, setup):
            await pay_with(setup, subscription)
    return stripe_subscription_id


_ACTIONS: Final[dict[str, Callable[[SubscriptionUpdateRequested, JSON], Awaitable[Outcome]]]] = {
    "cancel": _cancel,
    "reactivate": _reactivate,
    "pause": _pause,
    "resume": _resume,
    "preview_plan": _preview_plan,
    "change_plan": _change_plan,
    "change_card": _change_card,
    "pay": _pay,
}


async def _post(
    event: SubscriptionUpdateRequested, params: Mapping[str, Any], *, path: str = ""
) -> None:
    await request(
        "post",
        f"/v1/subscriptions/{event.stripe_subscription_id}{path}",
        params,
        idempotency_key=f"{event.event_id}:{event.action}",
    )


async def _changed_item(event: SubscriptionUpdateRequested, subscription: JSON) -> dict[str, Any]:
    plan_id, plan = event.subscription_plan_id, event.plan_info
    assert plan_id and isinstance(plan, PlanInfo)  # noqa: S101,PT018 - the contract's validator
    current = subscription["items"]["data"][0]
    return {
        "id": current["id"],
        "price": await find_or_make_price(plan_id, plan),
        "quantity": event.quantity or current.get("quantity", 1),
    }


async def _is_unpaid(subscription: JSON, invoice_id: str) -> bool:
    invoice = await find_invoice_of(subscription, invoice_id)
    return invoice is not None and invoice["status"] == "open"


def _not_running(subscription: JSON) -> Refusal | None:
    if has_ended(subscription):
        return _ENDED
    return _NOT_BEGUN if subscription["status"] == "incomplete" else None


async def _not_settled(subscription: JSON) -> Refusal | None:
    """Refuse what would credit a customer for a time that they have not paid for."""
    if subscription["status"] in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        return _UNPAID
    if subscription["pause_collection"] or subscription["status"] == SubscriptionStatus.PAUSED:
        return _PAUSED
    return _UNPAID if await open_invoices(subscription["id"]) else None


def _is_or_will_be(subscription: JSON, item: Mapping[str, Any]) -> bool:
    pending = subscription["pending_update"] or {}
    either = [*subscription["items"]["data"], *(pending.get("subscription_items") or ())]
    wanted = (item["price"], item["quantity"])
    return any((one["price"]["id"], one.get("quantity", 1)) == wanted for one in either)


def _refusal_of_state(error: StripeRejected) -> Refusal | None:
    # Of what a state forbids, Stripe names no parameter.
    cause = error.__cause__
    if isinstance(cause, stripe.InvalidRequestError) and not cause.param:
        return Refusal(cause.code or "invalid_request", cause.user_message or str(cause))
    return None


def _is_of(subscription: JSON, event: SubscriptionUpdateRequested) -> bool:
    metadata = subscription["metadata"]
    wanted = (str(event.subscription_id), event.customer_id)
    return (metadata.get("subscription_id"), metadata.get("customer_id")) == wanted
