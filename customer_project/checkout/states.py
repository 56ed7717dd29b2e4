"""Where an order is, as its page shows it."""

from enum import StrEnum
from typing import Final

from customer_project.checkout.models import Order
from kafka_bridge.contracts import PaymentStatus


class OrderState(StrEnum):
    """What can happen next."""

    PAYABLE = "payable"
    """Nothing was paid, and nothing is on its way: the form is shown."""
    WAITING = "waiting"
    """Stripe or the bank is at it."""
    ACTION = "action"
    """The bank wants to see the customer (3-D Secure)."""
    PAID = "paid"


_STATES: Final = {
    PaymentStatus.REQUESTED: OrderState.WAITING,
    PaymentStatus.PROCESSING: OrderState.WAITING,
    PaymentStatus.REQUIRES_ACTION: OrderState.ACTION,
    PaymentStatus.REQUIRES_CONFIRMATION: OrderState.ACTION,
    PaymentStatus.REQUIRES_CAPTURE: OrderState.PAID,
    PaymentStatus.SUCCEEDED: OrderState.PAID,
    # We confirm manually, so Stripe lets nobody try such a PaymentIntent again: these are the end.
    PaymentStatus.REQUIRES_PAYMENT_METHOD: OrderState.PAYABLE,
    PaymentStatus.CANCELED: OrderState.PAYABLE,
    PaymentStatus.FAILED: OrderState.PAYABLE,
}


def state_of(order: Order, *, answered: int | None = None) -> OrderState:
    """Tell where the order is.

    `answered` is the payment's revision at which the customer answered the bank: until a newer
    one comes, there is nothing more for them to do.
    """
    if order.payment is None:
        return OrderState.PAYABLE
    state = _STATES[PaymentStatus(order.payment.status)]
    if state is OrderState.ACTION and order.payment.revision == answered:
        return OrderState.WAITING
    return state
