"""What changes a payment, and what is published of it."""

from payment_project.payments.services.asking import asked_of
from payment_project.payments.services.charges import record_charges
from payment_project.payments.services.deadlines import ask_about_overdue
from payment_project.payments.services.discarded import fail_discarded, refuse_discarded
from payment_project.payments.services.requests import request_refund
from payment_project.payments.services.states import Applied, StateChange, apply_states

__all__ = [
    "Applied",
    "StateChange",
    "apply_states",
    "ask_about_overdue",
    "asked_of",
    "fail_discarded",
    "record_charges",
    "refuse_discarded",
    "request_refund",
]
