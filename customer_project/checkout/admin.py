"""The shop in Django admin."""

from django.contrib import admin
from django.http import HttpRequest

from customer_project.checkout.models import Item, Order
from customer_project.checkout.templatetags.money import money
from kafka_bridge.read_only_admin import ReadOnlyAdmin


@admin.register(Item)
class ItemAdmin(admin.ModelAdmin[Item]):
    """Change what is sold, and for how much; orders keep the price they were placed at."""

    list_display = ("slug", "name_en", "name_fr", "price", "active", "position")
    list_editable = ("active", "position")
    prepopulated_fields = {"slug": ("name_en",)}  # noqa: RUF012 - Django's own way

    @admin.display(ordering="amount")
    def price(self, item: Item) -> str:
        """The price as people write it."""
        return money(item.amount, item.currency)

    def has_delete_permission(self, request: HttpRequest, item: Item | None = None) -> bool:  # noqa: ARG002
        """Refuse: orders name it. What is no longer active is no longer sold."""
        return False


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin[Order]):
    """Find an order by its id, or its customer's e-mail."""

    list_display = ("id", "item", "customer", "price", "status", "created_at")
    list_select_related = ("item", "customer", "payment")
    search_fields = ("=id", "=payment__id", "customer__email")

    @admin.display(ordering="amount")
    def price(self, order: Order) -> str:
        """The price as people write it."""
        return money(order.amount, order.currency)

    @admin.display(ordering="payment__status")
    def status(self, order: Order) -> str:
        """Where the latest payment is."""
        return order.payment.status if order.payment else ""
