"""Every object the emulator serves is shaped as Stripe's OpenAPI description says.

The client of all tests checks each answer; this test makes sure that no kind was left out.
"""

import time

import pytest

KINDS = {
    "balance_transaction": "balance_transactions",
    "charge": "charges",
    "customer": "customers",
    "dispute": "disputes",
    "event": "events",
    "invoice": "invoices",
    "invoice_payment": "invoice_payments",
    "payment_intent": "payment_intents",
    "payment_method": "payment_methods",
    "price": "prices",
    "product": "products",
    "refund": "refunds",
    "setup_intent": "setup_intents",
    "subscription": "subscriptions",
}


@pytest.fixture
def one_of_each(client, pay, customer, webhook):
    webhook("charge.succeeded")
    intent = pay("pm_card_createDispute", customer=customer.id, setup_future_usage="off_session")
    refunded = pay(capture_method="manual")
    client.v1.payment_intents.capture(refunded.id)
    client.v1.refunds.create({"payment_intent": refunded.id})
    client.v1.test_helpers.confirmation_tokens.create({"payment_method": "pm_card_visa"})
    client.v1.tokens.create(
        {"card": {"number": "4242424242424242", "exp_month": "12", "exp_year": "2040"}}
    )
    client.v1.setup_intents.create({"customer": customer.id})
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 1500,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Plan"},
        }
    )
    client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "default_payment_method": intent.payment_method,
        }
    )
    client.v1.test_helpers.test_clocks.create({"frozen_time": int(time.time())})


class TestShapes:
    def test_every_kind_was_checked(self, client, shapes, one_of_each):
        for name in KINDS.values():
            assert getattr(client.v1, name).list({"limit": 5}).data

        beside = {
            "card",
            "confirmation_token",
            "line_item",
            "subscription_item",
            "test_helpers.test_clock",
            "webhook_endpoint",
        }
        assert shapes.checked.keys() >= KINDS.keys() | beside
