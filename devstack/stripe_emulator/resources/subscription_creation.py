"""Making a subscription of the parameters of its creation."""

from __future__ import annotations

from devstack.stripe_emulator import currencies
from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.objects import a_list, merged_metadata
from devstack.stripe_emulator.resources import (
    payment_methods,
    subscription_changes,
    subscription_states,
)
from devstack.stripe_emulator.routing import Params
from devstack.stripe_emulator.session import Session

_DAY = 86400


def default_method(session: Session, customer: StripeObject, params: Params) -> str | None:
    """Return the payment method asked for, which must be the customer's."""
    if not params.get("default_payment_method"):
        return None
    method = payment_methods.named(
        session, params["default_payment_method"], param="default_payment_method"
    )
    if method["customer"] != customer["id"]:
        raise payment_methods.not_attached(method["id"], param="default_payment_method")
    method_id: str = method["id"]
    return method_id


def make(
    session: Session, customer: StripeObject, params: Params, method_id: str | None
) -> StripeObject:
    """Make a subscription, not yet invoiced."""
    now = session.now(customer)
    trial_end = _trial_end(now, params)
    settings = params.get("payment_settings", {})
    trial_settings = params.get("trial_settings", {}).get("end_behavior", {})
    subscription = session.create(
        "subscription",
        created=now,
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None},
        billing_cycle_anchor=trial_end or now,
        billing_mode={"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        cancellation_details={
            "comment": None,
            "feedback": None,
            "feedback_option": None,
            "reason": None,
        },
        collection_method=params.get("collection_method", "charge_automatically"),
        customer=customer["id"],
        days_until_due=params.get("days_until_due"),
        default_payment_method=method_id,
        default_tax_rates=[],
        description=params.get("description"),
        invoice_settings={
            "account_tax_ids": None,
            "custom_fields": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        metadata=merged_metadata({}, params.get("metadata", {})),
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": settings.get("payment_method_types"),
            "save_default_payment_method": settings.get("save_default_payment_method", "off"),
        },
        start_date=now,
        status="trialing" if trial_end else "incomplete",
        test_clock=customer["test_clock"],
        trial_end=trial_end,
        trial_settings={
            "end_behavior": {
                "missing_payment_method": trial_settings.get(
                    "missing_payment_method", "create_invoice"
                )
            }
        },
        trial_start=now if trial_end else None,
    )
    items = [
        subscription_changes.make_item(session, subscription, data, param=f"items[{place}]")
        for place, data in enumerate(params["items"])
    ]
    subscription["items"] = {
        **a_list(items, url=f"/v1/subscription_items?subscription={subscription['id']}"),
        "total_count": len(items),
    }
    subscription["currency"] = _one_currency(items, params)
    if trial_end:
        for item in items:
            item.update(current_period_start=now, current_period_end=trial_end)
    else:
        subscription_states.set_period(subscription, at=now)
    set_cancellation(session, subscription, params)
    return session.save(subscription)


def _one_currency(items: list[StripeObject], params: Params) -> str:
    found: set[str] = {item["price"]["currency"] for item in items}
    if "currency" in params:
        found.add(currencies.check_currency(params["currency"]))
    intervals = {tuple(item["price"]["recurring"].values()) for item in items}
    if len(found) > 1 or len(intervals) > 1:
        raise StripeError(
            "All prices of a subscription must have the same currency and interval.", param="items"
        )
    return found.pop()


def _trial_end(now: int, params: Params) -> int | None:
    trial_end = params.get("trial_end")
    days = params.get("trial_period_days")
    if trial_end is not None and days is not None:
        raise StripeError(
            "You may only specify one of these parameters: trial_end, trial_period_days.",
            param="trial_end",
        )
    if isinstance(trial_end, int):
        if trial_end <= now:
            raise StripeError(
                "Invalid timestamp: must be an integer Unix timestamp in the future.",
                param="trial_end",
            )
        return trial_end
    return now + days * _DAY if days else None


def set_cancellation(session: Session, subscription: StripeObject, params: Params) -> None:
    """Plan the end of a subscription, or take the plan back."""
    now = session.now(subscription)
    if "cancel_at_period_end" in params:
        ends: bool = params["cancel_at_period_end"]
        if ends == subscription["cancel_at_period_end"]:
            return
        period_end = subscription_states.current_period(subscription)[1]
        subscription.update(
            cancel_at_period_end=ends,
            cancel_at=period_end if ends else None,
            canceled_at=now if ends else None,
        )
        reason = "cancellation_requested" if ends else None
        subscription["cancellation_details"] = {
            **subscription["cancellation_details"],
            "reason": reason,
        }
    elif "cancel_at" in params:
        cancel_at = params["cancel_at"]
        if isinstance(cancel_at, str) and cancel_at:
            raise StripeError("Only a timestamp is emulated here.", param="cancel_at")
        subscription.update(cancel_at=cancel_at or None, canceled_at=now if cancel_at else None)
