"""What changes a payment: the customer's request, and the payment service's answers."""

from customer_project.payments.services.cards import apply_updates as apply_card_updates
from customer_project.payments.services.projection import apply_outcomes
from customer_project.payments.services.requests import accept, new_payment, request_payment
from customer_project.payments.services.updates import (
    Action,
    Update,
    confirm_payment,
    request_update,
)

__all__ = [
    "Action",
    "Update",
    "accept",
    "apply_card_updates",
    "apply_outcomes",
    "confirm_payment",
    "new_payment",
    "request_payment",
    "request_update",
]
