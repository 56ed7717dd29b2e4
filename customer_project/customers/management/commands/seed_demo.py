"""Make the demo's customers, and what they can buy."""

from typing import Any

from customer_project.checkout.demo import make_items
from customer_project.customers.models import Customer
from customer_project.subscriptions.demo import make_plans
from kafka_bridge.management.commands import seed_demo


class Command(seed_demo.Command):
    """`customer.py seed_demo`: two customers, so that one can be refused the other's payments."""

    help = "Make the shop's items and plans, ada, grace and an admin; print their tokens."

    def make_users(self) -> list[Any]:
        """Make the customers, and the superuser that looks at them."""
        super().make_users()
        make_items()
        make_plans()
        return [self._make_customer("ada"), self._make_customer("grace")]

    def _make_customer(self, name: str) -> Any:
        user = self.make_user(name, email=f"{name}@example.com")
        Customer.objects.get_or_create(
            user=user, defaults={"name": name.title(), "email": user.email}
        )
        return user
