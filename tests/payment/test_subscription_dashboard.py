"""What is done in Stripe's dashboard leaves the same behind as what is asked of us."""

from datetime import UTC, datetime

import pytest

from payment_project.subscriptions.models import Invoice, Subscription
from tests.payment.conftest import invoice_updates, received, subscription_updates
from tests.payment.subscribing import TEAM

pytestmark = pytest.mark.django_db(transaction=True)

ASKED_OF_US = {
    "cancel": [("cancel", {})],
    "cancel at period end": [("cancel", {"at_period_end": True})],
    "reactivate": [("cancel", {"at_period_end": True}), ("reactivate", {})],
    "pause": [("pause", {})],
    "resume": [("pause", {}), ("resume", {})],
    "change plan": [
        ("change_plan", {"subscription_plan_id": "team-monthly", "plan_info": TEAM, "quantity": 2})
    ],
    "change card": [("change_card", {"payment_method_id": "pm_card_mastercard"})],
}
THEIR_OWN = {
    *("id", "customer_id", "request_event_id", "correlation_id", "stripe_subscription_id"),
    *("payment_method_id", "card", "revision", "subscription", "subscription_id", "number"),
    *("payment_intent_id", "setup_intent_id", "period_start", "period_end", "hosted_invoice_url"),
}


def state_of(row):
    """What may not differ: all but ids, and the seconds in which something happened."""
    names = {field.name for field in row._meta.concrete_fields} - THEIR_OWN
    values = {name: getattr(row, name) for name in names if name not in THEIR_OWN}
    return {
        name: value is not None if name.endswith(("_at", "_end", "_start")) else value
        for name, value in values.items()
    }


def whole_state(subscription):
    subscription.refresh_from_db()
    invoices = Invoice.objects.filter(subscription=subscription)
    return (
        state_of(subscription),
        subscription.card["last4"],
        sorted([sorted(state_of(row).items(), key=str) for row in invoices], key=str),
    )


@pytest.fixture
def in_dashboard(at_stripe):
    def in_dashboard(subscription, what):
        path = f"/v1/subscriptions/{subscription.stripe_subscription_id}"
        match what:
            case "cancel":
                at_stripe.delete(path)
            case "cancel at period end":
                at_stripe.post(path, cancel_at_period_end="true")
            case "reactivate":
                at_stripe.post(path, cancel_at_period_end="true")
                at_stripe.post(path, cancel_at_period_end="false")
            case "pause":
                at_stripe.post(path, **{"pause_collection[behavior]": "void"})
            case "resume":
                at_stripe.post(path, **{"pause_collection[behavior]": "void"})
                at_stripe.post(path, pause_collection="")
            case "change plan":
                item = at_stripe.get(path)["items"]["data"][0]["id"]
                prices = at_stripe.get("/v1/prices", limit=100)["data"]
                price = next(
                    one["id"]
                    for one in prices
                    if one["metadata"].get("subscription_plan_id") == "team-monthly"
                    and one["currency"] == "eur"
                )
                change = {"id": item, "price": price, "quantity": 2}
                at_stripe.post(
                    path,
                    proration_behavior="always_invoice",
                    **{f"items[0][{name}]": value for name, value in change.items()},
                )
            case "change card":
                at_stripe.give_card(subscription.stripe_subscription_id, "pm_card_mastercard")

    return in_dashboard


@pytest.fixture
def webhooks(at_stripe, handle):
    """Deliver all that Stripe tells of a subscription and its invoices."""

    def webhooks(subscription):
        of = subscription.stripe_subscription_id
        events = reversed(at_stripe.get("/v1/events", limit=100)["data"])
        told = [event for event in events if of in (object_id(event), subscription_of(event))]
        handle(*[received(event, customer_id=subscription.customer_id) for event in told])

    return webhooks


def object_id(event):
    return event["data"]["object"]["id"]


def subscription_of(event):
    parent = event["data"]["object"].get("parent") or {}
    return (parent.get("subscription_details") or {}).get("subscription")


@pytest.mark.parametrize("trial_days", [None, 14])
@pytest.mark.parametrize("by", ["refresh", "webhooks"])
@pytest.mark.parametrize("what", ASKED_OF_US)
def test_same_state(*, subscribed, change, in_dashboard, webhooks, what, by, trial_days):
    by_us, by_stripe = [subscribed(context={"trial_days": trial_days}) for _ in range(2)]

    for action, fields in ASKED_OF_US[what]:
        change(action, by_us, **fields)
    in_dashboard(by_stripe, what)
    webhooks(by_stripe) if by == "webhooks" else change("refresh", by_stripe)

    assert whole_state(by_stripe) == whole_state(by_us)
    told = {event.subscription_id: event for event in subscription_updates()}
    invoices = {event.subscription_id: event.amount_paid for event in invoice_updates()}
    assert len({event.status for event in told.values()}) == 1
    assert len(set(invoices.values())) == 1
    assert Subscription.objects.count() == 2


def test_looking_again_at_what_is_known_tells_nothing(subscribed, change):
    subscription = subscribed()
    before = len(subscription_updates())

    change("refresh", subscription)

    assert len(subscription_updates()) == before


def test_canceled_for_a_date_and_kept_after_all(subscribed, change, webhooks, at_stripe):
    subscription = subscribed()
    path = f"/v1/subscriptions/{subscription.stripe_subscription_id}"
    ends = datetime(2199, 3, 1, tzinfo=UTC)
    at_stripe.post(path, cancel_at=int(ends.timestamp()))

    webhooks(subscription)

    told = subscription_updates()[-1]
    assert (told.cancel_at, told.cancel_at_period_end, told.status) == (ends, False, "active")
    change("reactivate", subscription)
    assert subscription_updates()[-1].cancel_at is None
    assert at_stripe.get(path)["cancel_at"] is None
