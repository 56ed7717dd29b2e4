from uuid import uuid4

import pytest

from customer_project.checkout.models import Item, Order
from tests.customer.conftest import make_customer
from tests.django_admin import AdminPages, detail_url

PRICE = {"amount": 1290, "currency": "eur"}


def make_item():
    return Item.objects.create(slug=uuid4().hex, name_en="Coffee", name_fr="Café", **PRICE)


@pytest.mark.django_db
class TestPages(AdminPages):
    @pytest.fixture
    def rows(self):
        def make(count):
            items = [make_item() for _ in range(count)]
            orders = [
                Order.objects.create(customer=make_customer(uuid4().hex), item=item, **PRICE)
                for item in items
            ]
            return {Item: items, Order: orders}

        return make


@pytest.mark.django_db
class TestItems:
    def change(self, client, item, **fields):
        form = {"slug": item.slug, "name_en": "Coffee", "name_fr": "Café", "position": 0}
        return client.post(detail_url(item), {**form, **PRICE, "active": "on", **fields})

    def test_a_new_price_leaves_orders_as_they_are(self, admin_client):
        item = make_item()
        order = Order.objects.create(customer=make_customer("ada"), item=item, **PRICE)

        assert self.change(admin_client, item, amount=1390).status_code == 302

        item.refresh_from_db()
        order.refresh_from_db()
        assert (item.amount, order.amount) == (1390, 1290)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"amount": 49},
            {"amount": 1290.5},
            {"currency": "zzz"},
            {"currency": "kwd", "amount": 1295},
            {"currency": "isk", "amount": 1290},
            {"currency": "ugx", "amount": 150_050},
        ],
        ids=str,
    )
    def test_a_price_that_cannot_be_charged_is_refused(self, admin_client, wrong):
        item = make_item()

        assert self.change(admin_client, item, **wrong).status_code == 200

        item.refresh_from_db()
        assert (item.amount, item.currency) == (1290, "eur")
