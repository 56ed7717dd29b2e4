"""Customers who subscribe, on test clocks of Stripe's emulator."""

import uuid

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
from tests import at_stripe

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


class Clock(at_stripe.Clock):
    """A test clock whose Customers are known to be those of our customers."""

    def customer(self, customer_id):
        made = super().customer(customer_id)
        StripeCustomer.objects.create(customer_id=customer_id, stripe_customer_id=made)
        return made
