"""What changes an order: it is placed, and payments are tried for it."""

import contextlib
from uuid import UUID, uuid4

from django.db import transaction

from customer_project.checkout.models import Item, Order
from customer_project.checkout.states import OrderState, state_of
from customer_project.customers.models import Customer
from customer_project.payments.errors import NothingToConfirm
from customer_project.payments.services import confirm_payment, request_payment


def place_order(*, customer: Customer, item: Item) -> Order:
    """Return the customer's order of this item that nobody has tried to pay, or a new one."""
    price = {"amount": item.amount, "currency": item.currency}
    open_orders = Order.objects.filter(customer=customer, item=item, payment=None, **price)
    return open_orders.first() or Order.objects.create(customer=customer, item=item, **price)


def pay_order(
    *,
    customer: Customer,
    order_id: UUID,
    attempt: int,
    confirmation_token: str,
    save_card: bool,
    return_url: str,
) -> None:
    """Try a payment for the order, unless it is paid, being paid, or `attempt` was tried before.

    `attempt` is the order's number of attempts that the browser saw. A double click, a repeated
    request or a second tab therefore pays once, whatever else it sends.

    Raises:
        Order.DoesNotExist: the customer has no such order.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(customer=customer, id=order_id)
        if attempt != order.attempts or state_of(order) is not OrderState.PAYABLE:
            return
        order.payment = request_payment(
            customer=customer,
            idempotency_key=f"order:{order.id}:{attempt}",
            request={
                "amount": order.amount,
                "currency": order.currency,
                "confirmation_token": confirmation_token,
                "save_card": save_card,
                "return_url": return_url,
                "description": order.item.name_en,
                "metadata": {"order_id": str(order.id)},
            },
        )
        order.attempts += 1
        order.save(update_fields=["payment", "attempts"])


def customer_is_back(order: Order) -> int:
    """Have the payment go on after 3-D Secure, and return its revision at which they answered.

    Asking again does no harm: the payment service looks where the PaymentIntent is.
    """
    if order.payment is None:
        return 0
    with contextlib.suppress(NothingToConfirm):  # a webhook was faster
        confirm_payment(payment=order.payment, idempotency_key=f"order:{uuid4()}")
    return order.payment.revision
