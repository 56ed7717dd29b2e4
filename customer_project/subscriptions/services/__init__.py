"""What changes a subscription: the customer's requests, and the payment service's answers."""

from customer_project.subscriptions.services.operators import (
    CHANGES,
    Change,
    ask_once,
    possible_changes,
)
from customer_project.subscriptions.services.plans import save_plan
from customer_project.subscriptions.services.projection import apply_invoices, apply_states
from customer_project.subscriptions.services.requests import accept, new_subscription
from customer_project.subscriptions.services.updates import (
    PREVIEW_HOLDS_FOR,
    Action,
    Update,
    request_update,
)

__all__ = [
    "CHANGES",
    "PREVIEW_HOLDS_FOR",
    "Action",
    "Change",
    "Update",
    "accept",
    "apply_invoices",
    "apply_states",
    "ask_once",
    "new_subscription",
    "possible_changes",
    "request_update",
    "save_plan",
]
