"""Facts, one row a thing, and what is summed up of them."""

from admin_project.analytics.models.payments import (
    Grain,
    PaymentAggregate,
    PaymentFact,
    PaymentStep,
)
from admin_project.analytics.models.rates import ExchangeRate
from admin_project.analytics.models.subscriptions import (
    InvoiceFact,
    MrrMovement,
    SubscriptionFact,
    SubscriptionStep,
)
from admin_project.analytics.models.webhooks import WebhookAggregate

__all__ = [
    "ExchangeRate",
    "Grain",
    "InvoiceFact",
    "MrrMovement",
    "PaymentAggregate",
    "PaymentFact",
    "PaymentStep",
    "SubscriptionFact",
    "SubscriptionStep",
    "WebhookAggregate",
]
