"""Recording the balance, and counting what Stripe lists of it."""

from payment_project.balance.services.counting import count_balance
from payment_project.balance.services.recording import record_balance

__all__ = ["count_balance", "record_balance"]
