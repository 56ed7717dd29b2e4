"""Customers who subscribe, on test clocks of Stripe's emulator."""

import time
import uuid

from devstack.waiting import wait_until
from kafka_bridge.contracts import (
    CustomerInfo,
    PaymentOptions,
    PlanInfo,
    SubscriptionContext,
    SubscriptionRequested,
    SubscriptionUpdateRequested,
    Topic,
)
from payment_project.customers.models import StripeCustomer

DAY = 86400
PRO = PlanInfo(name="Pro", amount=1900, currency="eur", interval="month")
TEAM = PlanInfo(name="Team", amount=4900, currency="eur", interval="month")


def setup_requested(payment_method="pm_card_visa", *, options=None, context=None, **fields):
    """A request to subscribe, as the customer service makes it."""
    subscription_id = uuid.uuid4()
    return SubscriptionRequested(
        **{
            "event_type": Topic.STRIPE_SUBSCRIPTION_SETUP,
            "correlation_id": subscription_id,
            "customer_id": f"customer-{subscription_id}",
            "subscription_plan_id": "pro-monthly",
            "plan_info": PRO,
            "payment_method_id": payment_method,
            "customer_info": CustomerInfo(email="grace@example.com"),
            "payment_options": PaymentOptions(**(options or {})),
            "subscription_context": SubscriptionContext(
                subscription_id=subscription_id, **(context or {})
            ),
            "metadata": {},
            **fields,
        }
    )


def change_requested(action, subscription, **fields):
    """What somebody asks of a subscription."""
    return SubscriptionUpdateRequested(
        **{
            "correlation_id": subscription.correlation_id,
            "customer_id": subscription.customer_id,
            "subscription_id": subscription.id,
            "stripe_subscription_id": subscription.stripe_subscription_id,
            "action": action,
            **fields,
        }
    )


class Clock:
    """A test clock, and the Customers that live on it."""

    def __init__(self, at_stripe, *, days_ago=0):
        self._at_stripe = at_stripe
        start = int(time.time()) - days_ago * DAY
        made = at_stripe.post("/v1/test_helpers/test_clocks", frozen_time=start)
        self.id, self.now = made["id"], made["frozen_time"]

    def reach(self, moment, *, seconds=0):
        """Let time pass until so many seconds after a moment."""
        self.advance(to=int(moment.timestamp()) + seconds)

    def customer(self, customer_id):
        """Make one of our customers a Customer on this clock."""
        made = self._at_stripe.post(
            "/v1/customers", test_clock=self.id, **{"metadata[customer_id]": customer_id}
        )
        StripeCustomer.objects.create(customer_id=customer_id, stripe_customer_id=made["id"])
        return made["id"]

    def advance(self, **by):
        """Let time pass: `seconds` or `days`, or `to` a moment."""
        self.now = by.get("to") or self.now + by.get("days", 0) * DAY + by.get("seconds", 0)
        path = f"/v1/test_helpers/test_clocks/{self.id}"
        self._at_stripe.post(f"{path}/advance", frozen_time=self.now)
        wait_until(lambda: self._at_stripe.get(path)["status"] == "ready", what="the clock")
