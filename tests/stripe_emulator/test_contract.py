"""What both Stripe and the emulator must do.

Run against the emulator, and against real Stripe too when STRIPE_API_KEY=sk_test_… is set.
"""

import os
import time
import uuid

import pytest
import stripe

NO_REDIRECTS = {"enabled": True, "allow_redirects": "never"}


@pytest.fixture(params=["emulator", "stripe"])
def either(request):
    """A client of the emulator, then one of Stripe."""
    if request.param == "emulator":
        return request.getfixturevalue("client")
    key = os.environ.get("STRIPE_API_KEY", "")
    if not key.startswith("sk_test_"):
        pytest.skip("not run against real Stripe: set STRIPE_API_KEY=sk_test_… to do so")
    return stripe.StripeClient(key, max_network_retries=2)


@pytest.fixture
def payment():
    def params(payment_method="pm_card_visa", **more):
        return {
            "amount": 1000,
            "currency": "usd",
            "confirm": True,
            "payment_method": payment_method,
            "automatic_payment_methods": NO_REDIRECTS,
            **more,
        }

    return params


@pytest.fixture
def plan(either):
    def make(unit_amount):
        return either.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": unit_amount,
                "recurring": {"interval": "month"},
                "product_data": {"name": "Contract test"},
            }
        )

    return make


class TestPayments:
    def test_succeeds(self, either, payment):
        intent = either.v1.payment_intents.create(
            payment(metadata={"event_id": "e1"}, expand=["latest_charge"])
        )

        assert intent.status == "succeeded"
        assert intent.amount_received == 1000
        assert intent.latest_charge.paid
        assert intent.latest_charge.metadata["event_id"] == "e1"

    @pytest.mark.parametrize(
        ("payment_method", "code", "decline_code"),
        [
            ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
            (
                "pm_card_visa_chargeDeclinedInsufficientFunds",
                "card_declined",
                "insufficient_funds",
            ),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ],
    )
    def test_declined(self, *, either, payment, payment_method, code, decline_code):
        with pytest.raises(stripe.CardError) as declined:
            either.v1.payment_intents.create(payment(payment_method))

        error = declined.value.json_body["error"]
        assert (error["code"], error.get("decline_code")) == (code, decline_code)
        assert error["payment_intent"]["status"] == "requires_payment_method"

    def test_off_session_authentication_is_a_decline(self, either, payment):
        with pytest.raises(stripe.CardError) as declined:
            either.v1.payment_intents.create(
                payment("pm_card_authenticationRequired", off_session=True)
            )

        assert declined.value.code == "authentication_required"

    def test_three_d_secure(self, either, payment):
        intent = either.v1.payment_intents.create(
            payment(
                "pm_card_threeDSecure2Required",
                automatic_payment_methods={"enabled": True},
                return_url="https://shop.example/return",
            )
        )

        assert intent.status == "requires_action"
        assert intent.next_action.type == "redirect_to_url"

    def test_captured_in_part(self, either, payment):
        intent = either.v1.payment_intents.create(payment(capture_method="manual"))
        assert intent.status == "requires_capture"
        captured = either.v1.payment_intents.capture(intent.id, {"amount_to_capture": 400})

        assert (captured.status, captured.amount_received) == ("succeeded", 400)

    def test_never_refunded_twice(self, either, payment):
        intent = either.v1.payment_intents.create(payment())
        either.v1.refunds.create({"payment_intent": intent.id})
        with pytest.raises(stripe.InvalidRequestError) as refused:
            either.v1.refunds.create({"payment_intent": intent.id})

        assert refused.value.code == "charge_already_refunded"


class TestRequests:
    def test_idempotency(self, either, payment):
        key = f"contract-{uuid.uuid4()}"
        first = either.v1.payment_intents.create(payment(), {"idempotency_key": key})
        again = either.v1.payment_intents.create(payment(), {"idempotency_key": key})

        assert again.id == first.id
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        with pytest.raises(stripe.IdempotencyError):
            either.v1.payment_intents.create(payment(amount=2000), {"idempotency_key": key})

    @pytest.mark.parametrize(
        ("params", "param"),
        [
            ({"currency": "usd"}, "amount"),
            (
                {"amount": 1000, "currency": "usd", "payment_method_types": ["card"]},
                "payment_method_types",
            ),
            ({"amount": 1000, "currency": "usd", "capture_method": "later"}, "capture_method"),
            ({"amount": "10.5", "currency": "usd"}, "amount"),
        ],
    )
    def test_bad_parameters(self, either, params, param):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            either.v1.payment_intents.create(params)

        assert refused.value.http_status == 400
        assert refused.value.param == param

    def test_unknown_objects(self, either):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            either.v1.payment_intents.retrieve("pi_none")

        assert refused.value.http_status == 404
        assert refused.value.code == "resource_missing"


class TestSubscriptions:
    def test_default_incomplete(self, either, plan):
        customer = either.v1.customers.create({"email": "contract@example.com"})
        subscription = either.v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": plan(2000).id}],
                "payment_behavior": "default_incomplete",
                "payment_settings": {"save_default_payment_method": "on_subscription"},
                "expand": ["latest_invoice.confirmation_secret"],
            }
        )
        assert subscription.status == "incomplete"
        secret = subscription.latest_invoice.confirmation_secret.client_secret
        either.v1.payment_intents.confirm(
            secret.partition("_secret_")[0],
            {"payment_method": "pm_card_visa", "return_url": "https://shop.example"},
        )
        deadline = time.monotonic() + 30
        while either.v1.subscriptions.retrieve(subscription.id).status != "active":
            assert time.monotonic() < deadline

    def test_change_of_price_is_prorated(self, either, plan):
        customer = either.v1.customers.create({})
        method = either.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        subscription = either.v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": plan(2000).id}],
                "default_payment_method": method.id,
            }
        )
        assert subscription.status == "active"
        either.v1.subscriptions.update(
            subscription.id,
            {"items": [{"id": subscription["items"].data[0].id, "price": plan(5000).id}]},
        )
        waiting = either.v1.invoice_items.list({"customer": customer.id}).data

        assert len(waiting) == 2
        assert 2990 <= sum(item.amount for item in waiting) <= 3000
        assert either.v1.subscriptions.cancel(subscription.id).status == "canceled"
