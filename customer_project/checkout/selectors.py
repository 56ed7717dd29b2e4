"""Reading orders and items."""

from uuid import UUID

from django.db.models import QuerySet

from customer_project.checkout.models import Item, Order
from customer_project.customers.models import Customer


def items_on_sale() -> QuerySet[Item]:
    """Return what can be bought, in the catalogue's order."""
    return Item.objects.filter(active=True)


def latest_orders(customer: Customer) -> QuerySet[Order]:
    """Return the customer's orders for which they tried to pay, the newest first."""
    orders = Order.objects.filter(customer=customer, payment__isnull=False)
    return orders.select_related("item", "payment").order_by("-created_at")[:10]


def order_of(customer: Customer, order_id: UUID) -> Order:
    """Return one of the customer's orders.

    Raises:
        Order.DoesNotExist: they have no such order; somebody else may.
    """
    return Order.objects.select_related("item", "payment").get(customer=customer, id=order_id)
