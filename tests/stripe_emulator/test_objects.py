"""The endpoints around the flows: updates, lists, deletions."""

import time

import pytest
import stripe


class TestCustomers:
    def test_update(self, client, customer):
        updated = client.v1.customers.update(
            customer.id,
            {"phone": "+49 30 1", "metadata": {"tier": "gold"}, "address": {"city": "Berlin"}},
        )
        assert updated.phone == "+49 30 1"
        event = client.v1.events.list({"type": "customer.updated", "limit": 1}).data[0]
        assert event.data.previous_attributes["phone"] is None

    def test_default_payment_method_must_be_attached(self, client, customer):
        settings = {"invoice_settings": {"default_payment_method": "pm_card_visa"}}
        with pytest.raises(stripe.InvalidRequestError, match="must be attached"):
            client.v1.customers.update(customer.id, settings)

    def test_deleted_customer_is_gone(self, client, customer, pay):
        method = pay(customer=customer.id, setup_future_usage="off_session").payment_method
        assert client.v1.customers.delete(customer.id).deleted
        assert client.v1.customers.retrieve(customer.id).deleted
        assert client.v1.payment_methods.retrieve(method).customer is None
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.update(customer.id, {"name": "x"})
        with pytest.raises(stripe.InvalidRequestError):
            pay(customer=customer.id)

    def test_found_by_email(self, client):
        email = f"{time.time_ns()}@example.com"
        made = client.v1.customers.create({"email": email})
        assert [found.id for found in client.v1.customers.list({"email": email}).data] == [made.id]


class TestPaymentMethods:
    def test_attach_update_detach(self, client, customer):
        method = client.v1.payment_methods.create(
            {
                "type": "card",
                "card": {
                    "number": "5555555555554444",
                    "exp_month": 3,
                    "exp_year": 2040,
                    "cvc": "123",
                },
                "billing_details": {"name": "Ada", "address": {"country": "DE"}},
            }
        )
        client.v1.payment_methods.attach(method.id, {"customer": customer.id})
        updated = client.v1.payment_methods.update(method.id, {"card": {"exp_year": 2041}})
        assert (updated.card.brand, updated.card.exp_year) == ("mastercard", 2041)
        listed = client.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data
        assert [found.id for found in listed] == [method.id]
        found = client.v1.customers.payment_methods.retrieve(customer.id, method.id)
        assert found.billing_details.address.country == "DE"

        client.v1.payment_methods.detach(method.id)

        assert client.v1.payment_methods.list({"customer": customer.id}).data == []
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payment_methods.detach(method.id)
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            client.v1.payment_methods.attach(method.id, {"customer": customer.id})

    def test_declining_card_cannot_be_attached(self, client, customer):
        with pytest.raises(stripe.CardError):
            client.v1.payment_methods.attach(
                "pm_card_visa_chargeDeclined", {"customer": customer.id}
            )
        attached = client.v1.payment_methods.attach(
            "pm_card_chargeCustomerFail", {"customer": customer.id}
        )
        assert attached.customer == customer.id

    def test_belongs_to_one_customer(self, client, customer, pay):
        method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        other = client.v1.customers.create({})
        with pytest.raises(stripe.InvalidRequestError):
            pay(method.id, customer=other.id)
        with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
            pay(method.id)
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payment_methods.attach(method.id, {"customer": other.id})

    @pytest.mark.parametrize("token", ["tok_visa", None])
    def test_made_of_a_token(self, client, token):
        if token is None:
            card = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2040"}
            token = client.v1.tokens.create({"card": card}).id
            assert client.v1.tokens.retrieve(token).card.last4 == "4242"
        method = client.v1.payment_methods.create({"type": "card", "card": {"token": token}})
        assert method.card.last4 == "4242"


class TestCharges:
    def test_update_and_list(self, client, pay, customer):
        intent = pay(customer=customer.id)
        updated = client.v1.charges.update(intent.latest_charge, {"metadata": {"a": "b"}})
        assert updated.metadata["a"] == "b"
        (charge,) = client.v1.charges.list({"customer": customer.id}).data
        assert charge.id == intent.latest_charge

    def test_refund_metadata(self, client, pay):
        refund = client.v1.refunds.create({"payment_intent": pay().id, "reason": "duplicate"})
        assert client.v1.refunds.update(refund.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
        assert client.v1.refunds.list({"charge": refund.charge}).data[0].reason == "duplicate"


class TestSetupIntents:
    def test_update_then_confirm(self, client, customer):
        setup = client.v1.setup_intents.create({"customer": customer.id})
        setup = client.v1.setup_intents.update(
            setup.id, {"payment_method": "pm_card_visa", "metadata": {"a": "b"}}
        )
        assert setup.status == "requires_confirmation"
        done = client.v1.setup_intents.confirm(setup.id, {"return_url": "https://shop.example"})
        assert done.status == "succeeded"
        listed = client.v1.setup_intents.list({"customer": customer.id}).data
        assert [found.id for found in listed] == [setup.id]
        (attempt,) = client.v1.setup_attempts.list({"setup_intent": setup.id}).data
        assert attempt.status == "succeeded"


class TestCatalogue:
    def test_product(self, client):
        product = client.v1.products.create({"id": f"plan_{time.time_ns()}", "name": "Gold"})
        assert client.v1.products.update(product.id, {"name": "Platinum"}).name == "Platinum"
        assert client.v1.products.list({"ids": [product.id]}).data[0].id == product.id
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.products.create({"id": product.id, "name": "Again"})
        assert client.v1.products.delete(product.id).deleted
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.products.retrieve(product.id)

    def test_price(self, client):
        price = client.v1.prices.create(
            {"currency": "jpy", "unit_amount_decimal": "900", "product_data": {"name": "Once"}}
        )
        assert (price.unit_amount, price.type) == (900, "one_time")
        assert not client.v1.prices.update(price.id, {"active": False}).active
        listed = client.v1.prices.list({"product": price.product, "active": False}).data
        assert [found.id for found in listed] == [price.id]


class TestInvoices:
    def test_draft_is_edited_and_deleted(self, client, customer):
        draft = client.v1.invoices.create({"customer": customer.id})
        item = client.v1.invoice_items.create(
            {"customer": customer.id, "invoice": draft.id, "amount": 700, "currency": "usd"}
        )
        assert client.v1.invoice_items.retrieve(item.id).invoice == draft.id
        updated = client.v1.invoices.update(draft.id, {"description": "Thanks"})
        assert (updated.description, updated.total) == ("Thanks", 700)
        assert client.v1.invoices.delete(draft.id).deleted
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoices.retrieve(draft.id)

    def test_uncollectible_may_not_be_voided_by_payment(self, client, customer):
        draft = client.v1.invoices.create({"customer": customer.id})
        client.v1.invoice_items.create(
            {"customer": customer.id, "invoice": draft.id, "amount": 700, "currency": "usd"}
        )
        client.v1.invoices.finalize_invoice(draft.id)
        assert client.v1.invoices.mark_uncollectible(draft.id).status == "uncollectible"
        (payment,) = client.v1.invoice_payments.list({"invoice": draft.id}).data
        assert client.v1.invoice_payments.retrieve(payment.id).status == "open"


class TestWebhookEndpoints:
    def test_update_and_list(self, client, webhook):
        endpoint = webhook("charge.succeeded")
        client.v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["*"]})
        listed = client.v1.webhook_endpoints.list({"limit": 100}).data
        assert {found.id: found.enabled_events for found in listed}[endpoint.id] == ["*"]

    def test_url_needs_a_scheme(self, client):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.webhook_endpoints.create({"url": "shop", "enabled_events": ["*"]})


class TestTestClocks:
    def test_deleted_with_its_customers(self, client):
        clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000})
        customer = client.v1.customers.create({"test_clock": clock.id})
        assert client.v1.customers.list({"test_clock": clock.id}).data[0].id == customer.id
        assert customer.created == 1_800_000_000
        client.v1.test_helpers.test_clocks.delete(clock.id)
        assert client.v1.customers.retrieve(customer.id).deleted
