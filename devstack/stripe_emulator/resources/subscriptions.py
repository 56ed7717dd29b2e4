"""Subscriptions: their endpoints."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject, card_error
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.objects import a_list, hidden, merged_metadata
from devstack.stripe_emulator.resources import (
    billing_timeline,
    customer_lookup,
    invoice_states,
    pending_updates,
    setup_intents,
    subscription_changes,
    subscription_creation,
    subscription_states,
)
from devstack.stripe_emulator.routing import Params, Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()


@routes.add("POST", "/v1/subscriptions", "SubscriptionCreateParams")
def create(request: Request) -> StripeObject:
    """Create a subscription, and ask for its first payment as `payment_behavior` says."""
    session, params = request.session, request.params
    if "customer" not in params or not params.get("items"):
        param = "items" if "customer" in params else "customer"
        raise StripeError(
            f"Missing required param: {param}.", code="parameter_missing", param=param
        )
    customer = customer_lookup.existing(session, params["customer"], param="customer")
    method_id = subscription_creation.default_method(session, customer, params)
    subscription = subscription_creation.make(session, customer, params, method_id)
    has_method = method_id or customer["invoice_settings"]["default_payment_method"]
    behaviour = params.get("payment_behavior", "allow_incomplete")
    trialing = subscription["status"] == "trialing"
    due = not trialing and any(
        item["price"]["unit_amount"] for item in subscription["items"]["data"]
    )
    if due and not has_method and behaviour != "default_incomplete" and _charges(subscription):
        raise StripeError(
            "This customer has no attached payment source or default payment method. Please"
            " consider adding a default payment method. For more information, visit"
            " https://stripe.com/docs/billing/subscriptions/payment-methods-setting.",
            code="resource_missing",
        )
    if not due:
        session.save(subscription, status="trialing" if trialing else "active")
    session.emit("customer.subscription.created", subscription)
    invoice = subscription_states.invoice_now(
        session, subscription, reason="subscription_create", free=trialing
    )
    invoice_states.finalize(session, invoice)
    if not due and not has_method and behaviour == "default_incomplete":
        _ask_for_method(session, subscription)
    if due and not _charges(subscription):
        subscription_states.change(session, subscription, status="active")
    elif due and behaviour != "default_incomplete":
        _first_payment(session, invoice, params, behaviour)
    if not subscription["test_clock"]:
        billing_timeline.run_now(session, subscription)
    return subscription


@routes.add("GET", "/v1/subscriptions", "SubscriptionListParams")
def index(request: Request) -> StripeObject:
    """List subscriptions: without a status, all that have not been canceled."""
    params = request.params
    status = params.get("status")
    clocked = "customer" in params or "test_clock" in params

    def keep(subscription: StripeObject) -> bool:
        if status is None and subscription["status"] == "canceled":
            return False
        if subscription["test_clock"] and not clocked:
            return False
        if status == "ended" and subscription["status"] not in subscription_states.ENDED:
            return False
        price = params.get("price")
        return price is None or any(
            item["price"]["id"] == price for item in subscription["items"]["data"]
        )

    return list_objects(
        request,
        "subscription",
        where={
            "customer": params.get("customer"),
            "status": None if status in (None, "all", "ended") else status,
            "test_clock": params.get("test_clock"),
        },
        keep=keep,
    )


@routes.add("GET", "/v1/subscriptions/{id}", "SubscriptionRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a subscription."""
    return request.session.get("subscription", request.id)


@routes.add("POST", "/v1/subscriptions/{id}", "SubscriptionUpdateParams")
def update(request: Request) -> StripeObject:
    """Change plan, quantity, payment method, trial or cancellation; pause and resume collection."""
    session, params = request.session, request.params
    subscription = session.get("subscription", request.id)
    if subscription["status"] in subscription_states.ENDED:
        raise StripeError(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    before = {**subscription, "items": subscription["items"]}
    _set_plain_fields(session, subscription, params)
    subscription_creation.set_cancellation(session, subscription, params)
    if "items" in params:
        must_be_paid = _must_be_paid(params)
        subscription_changes.change_items(
            session,
            subscription,
            params["items"],
            proration_behavior=params.get("proration_behavior", "create_prorations"),
            proration_date=params.get("proration_date"),
            must_be_paid=must_be_paid,
        )
        if must_be_paid:
            pending_updates.keep_if_unpaid(session, subscription, before)
    anchor = params.get("billing_cycle_anchor")
    if anchor and anchor.get("type") == "now":
        subscription_changes.restart_period(session, subscription)
    if params.get("trial_end"):
        _move_trial_end(session, subscription, params["trial_end"])
    previous = {
        name: old
        for name, old in before.items()
        if not name.startswith("_") and subscription[name] != old
    }
    session.save(subscription)
    if previous:
        session.emit("customer.subscription.updated", subscription, previous=previous)
    if not subscription["test_clock"]:
        billing_timeline.run_now(session, subscription)
    return subscription


@routes.add("DELETE", "/v1/subscriptions/{id}", "SubscriptionCancelParams")
def cancel(request: Request) -> StripeObject:
    """Cancel now."""
    session = request.session
    subscription = session.get("subscription", request.id)
    return subscription_states.cancel(
        session, subscription, details=request.params.get("cancellation_details")
    )


@routes.add("POST", "/v1/subscriptions/{id}/resume", "SubscriptionResumeParams")
def resume(request: Request) -> StripeObject:
    """Resume a paused subscription with a new period, starting now."""
    session = request.session
    subscription = session.get("subscription", request.id)
    if subscription["status"] != "paused":
        raise StripeError(
            "Only paused subscriptions can be resumed: this one is"
            f" {subscription['status']}. To resume collection, unset `pause_collection`."
        )
    anchor = request.params.get("billing_cycle_anchor", {"type": "now"})
    if anchor["type"] != "now":
        raise StripeError(
            "Only an anchor of type `now` is emulated.", param="billing_cycle_anchor[type]"
        )
    session.save(subscription, status="active")
    subscription_changes.restart_period(session, subscription)
    session.emit("customer.subscription.resumed", subscription)
    return subscription


@routes.add("GET", "/v1/subscription_items", "SubscriptionItemListParams")
def index_items(request: Request) -> StripeObject:
    """List the items of a subscription."""
    subscription = request.session.get(
        "subscription", request.params["subscription"], param="subscription"
    )
    return a_list(subscription["items"]["data"], url=request.path)


def _must_be_paid(params: Params) -> bool:
    behaviour = params.get("payment_behavior", "allow_incomplete")
    if behaviour not in ("allow_incomplete", "pending_if_incomplete"):
        raise StripeError(
            "Only `allow_incomplete` and `pending_if_incomplete` are emulated for changes.",
            param="payment_behavior",
        )
    return bool(behaviour == "pending_if_incomplete")


def _charges(subscription: StripeObject) -> bool:
    return bool(subscription["collection_method"] == "charge_automatically")


def _first_payment(session: Session, invoice: StripeObject, params: Params, behaviour: str) -> None:
    try:
        invoice_states.pay(session, invoice, off_session=params.get("off_session", False))
    except StripeError as error:
        if behaviour == "error_if_incomplete" or not error.keeps_effects:
            refusal = card_error(
                str(error),
                code=error.error.get("code", "card_declined"),
                decline_code=error.error.get("decline_code"),
            )
            refusal.keeps_effects = False
            raise refusal from error


def _ask_for_method(session: Session, subscription: StripeObject) -> None:
    """Make the SetupIntent that saves a card for a subscription with nothing to pay yet."""
    intent = setup_intents.make(
        session,
        automatic_payment_methods=None,
        created=session.now(subscription),
        customer=subscription["customer"],
        usage="off_session",
    )
    hidden(intent)["subscription"] = subscription["id"]
    session.emit("setup_intent.created", intent)
    session.save(subscription, pending_setup_intent=intent["id"])


def _set_plain_fields(session: Session, subscription: StripeObject, params: Params) -> None:
    if "metadata" in params:
        subscription["metadata"] = merged_metadata(subscription["metadata"], params["metadata"])
    if "description" in params:
        subscription["description"] = params["description"] or None
    if params.get("default_payment_method"):
        customer = session.the(subscription["customer"])
        subscription["default_payment_method"] = subscription_creation.default_method(
            session, customer, params
        )
    if "payment_settings" in params:
        subscription["payment_settings"] = {
            **subscription["payment_settings"],
            **params["payment_settings"],
        }
    if "pause_collection" in params:
        paused: Any = params["pause_collection"] or None
        subscription["pause_collection"] = paused and {
            "behavior": paused["behavior"],
            "resumes_at": paused.get("resumes_at"),
        }
    if "cancellation_details" in params:
        subscription["cancellation_details"] = {
            **subscription["cancellation_details"],
            **params["cancellation_details"],
        }


def _move_trial_end(session: Session, subscription: StripeObject, trial_end: int | str) -> None:
    now = session.now(subscription)
    if trial_end == "now":
        if subscription["status"] != "trialing":
            return
        session.save(subscription, trial_end=now, billing_cycle_anchor=now, status="active")
        subscription_changes.restart_period(session, subscription)
        return
    if not isinstance(trial_end, int) or trial_end <= now:
        raise StripeError(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param="trial_end",
        )
    for item in subscription["items"]["data"]:
        item["current_period_end"] = trial_end
    session.save(
        subscription,
        billing_cycle_anchor=trial_end,
        status="trialing",
        trial_end=trial_end,
        trial_start=subscription["trial_start"] or now,
    )
