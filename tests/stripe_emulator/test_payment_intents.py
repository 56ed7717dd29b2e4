"""PaymentIntents: states, declines, capture, cancel, processing."""

import pytest
import stripe

DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ("pm_card_radarBlock", "card_declined", "fraudulent"),
]


class TestCreate:
    def test_confirmed_payment_succeeds(self, pay, customer):
        intent = pay(customer=customer.id, metadata={"event_id": "e1"}, expand=["latest_charge"])

        assert intent.status == "succeeded"
        assert intent.amount_received == 1000
        assert intent.latest_charge.metadata["event_id"] == "e1"
        assert intent.latest_charge.customer == customer.id

    def test_without_a_payment_method_it_waits_for_one(self, client):
        intent = client.v1.payment_intents.create({"amount": 500, "currency": "EUR"})

        assert intent.status == "requires_payment_method"
        assert intent.currency == "eur"
        assert intent.client_secret.startswith(f"{intent.id}_secret_")
        assert intent.automatic_payment_methods.enabled

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({"amount": 49, "currency": "usd"}, "amount_too_small"),
            ({"amount": 0, "currency": "usd"}, "parameter_invalid_integer"),
            ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large"),
            ({"amount": 29, "currency": "gbp"}, "amount_too_small"),
            ({"amount": 1001, "currency": "kwd"}, None),
            ({"amount": 1000, "currency": "xyz"}, None),
            ({"amount": 1000, "currency": "usd", "return_url": "https://a.b"}, None),
        ],
    )
    def test_refuses_bad_amounts_and_currencies(self, client, params, code):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.create(params)

        assert refused.value.http_status == 400
        assert refused.value.code == code

    def test_server_confirmation_needs_a_return_url_for_redirects(self, client):
        with pytest.raises(stripe.InvalidRequestError, match="return_url"):
            client.v1.payment_intents.create(
                {
                    "amount": 1000,
                    "currency": "usd",
                    "payment_method": "pm_card_visa",
                    "confirm": True,
                }
            )

    def test_what_is_not_emulated_is_refused(self, client):
        with pytest.raises(stripe.InvalidRequestError, match="not emulated") as refused:
            client.v1.payment_intents.create(
                {"amount": 1000, "currency": "usd", "application_fee_amount": 10}
            )

        assert refused.value.param == "application_fee_amount"


class TestDeclines:
    @pytest.mark.parametrize(("payment_method", "code", "decline_code"), DECLINES)
    def test_decline_carries_code_charge_and_intent(
        self, client, pay, payment_method, code, decline_code
    ):
        with pytest.raises(stripe.CardError) as declined:
            pay(payment_method)

        error = declined.value.json_body["error"]
        assert declined.value.http_status == 402
        assert error["code"] == code
        assert error.get("decline_code") == decline_code
        intent = client.v1.payment_intents.retrieve(
            error["payment_intent"]["id"], {"expand": ["latest_charge"]}
        )
        assert intent.status == "requires_payment_method"
        assert intent.payment_method is None
        assert intent.last_payment_error.code == code
        assert intent.latest_charge.id == error["charge"]
        assert intent.latest_charge.status == "failed"
        assert intent.latest_charge.failure_code == code

    def test_declined_intent_can_be_paid_with_another_card(self, client, pay):
        with pytest.raises(stripe.CardError) as declined:
            pay("pm_card_visa_chargeDeclined")
        intent_id = declined.value.json_body["error"]["payment_intent"]["id"]

        intent = client.v1.payment_intents.confirm(intent_id, {"payment_method": "pm_card_visa"})

        assert intent.status == "succeeded"
        assert intent.last_payment_error is None
        assert len(client.v1.charges.list({"payment_intent": intent_id}).data) == 2

    def test_card_number_of_a_real_card_is_refused(self, client):
        with pytest.raises(stripe.CardError) as declined:
            client.v1.payment_methods.create(
                {
                    "type": "card",
                    "card": {"number": "4012888888881881", "exp_month": 1, "exp_year": 2040},
                }
            )

        assert declined.value.json_body["error"]["decline_code"] == "test_mode_live_card"

    @pytest.mark.parametrize(
        ("card", "code"),
        [
            ({"number": "4242424242424241"}, "incorrect_number"),
            ({"exp_month": 13}, "invalid_expiry_month"),
            ({"exp_year": 2020}, "invalid_expiry_year"),
            ({"cvc": "99"}, "invalid_cvc"),
        ],
    )
    def test_malformed_card_is_refused(self, client, card, code):
        good = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
        with pytest.raises(stripe.CardError) as refused:
            client.v1.payment_methods.create({"type": "card", "card": {**good, **card}})

        assert refused.value.code == code


class TestCapture:
    def test_partial_capture_releases_the_rest(self, client, pay):
        intent = pay(capture_method="manual")
        assert intent.status == "requires_capture"
        assert intent.amount_capturable == 1000
        assert intent.amount_received == 0

        captured = client.v1.payment_intents.capture(
            intent.id, {"amount_to_capture": 400, "expand": ["latest_charge.balance_transaction"]}
        )

        assert captured.status == "succeeded"
        assert captured.amount_received == 400
        assert captured.latest_charge.amount_captured == 400
        assert captured.latest_charge.balance_transaction.amount == 400

    def test_more_than_authorised_is_refused(self, client, pay):
        intent = pay(capture_method="manual")
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1001})

        assert refused.value.code == "amount_too_large"

    def test_captured_twice_is_refused(self, client, pay):
        intent = pay()
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.capture(intent.id)

        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.json_body["error"]["payment_intent"]["id"] == intent.id


class TestCancel:
    def test_uncaptured_payment_is_released(self, client, pay, emulator):
        intent = pay(capture_method="manual", metadata={"case": "cancel"})
        canceled = client.v1.payment_intents.cancel(
            intent.id, {"cancellation_reason": "abandoned", "expand": ["latest_charge"]}
        )

        assert canceled.status == "canceled"
        assert canceled.cancellation_reason == "abandoned"
        assert canceled.canceled_at
        charge = canceled.latest_charge
        assert (charge.refunded, charge.amount_refunded, charge.amount_captured) == (False, 0, 0)
        sums = emulator.audit(payment_intent=intent.id)["per_currency"]["usd"]
        assert sums["captured"] == sums["net"] == 0

    def test_succeeded_payment_cannot_be_canceled(self, client, pay):
        intent = pay()
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.cancel(intent.id)

        assert refused.value.code == "payment_intent_unexpected_state"


class TestProcessing:
    @pytest.mark.parametrize(
        ("outcome", "status"),
        [("succeeded", "succeeded"), ("failed", "requires_payment_method")],
    )
    def test_processing_payment_waits_for_the_bank(self, client, pay, emulator, outcome, status):
        emulator.faults({"match": "POST /v1/payment_intents$", "action": "processing", "times": 1})
        intent = pay(expand=["latest_charge"])
        assert intent.status == "processing"
        assert intent.latest_charge.status == "pending"
        assert emulator.audit(payment_intent=intent.id)["succeeded"] == 0

        emulator.post(f"intents/{intent.id}/finish_processing", {"outcome": outcome})

        settled = client.v1.payment_intents.retrieve(intent.id)
        assert settled.status == status
        assert settled.amount_received == (1000 if outcome == "succeeded" else 0)

    def test_processing_can_end_by_itself(self, client, pay, emulator, eventually):
        emulator.faults(
            {
                "match": "POST /v1/payment_intents$",
                "action": "processing",
                "times": 1,
                "seconds": 0.05,
            }
        )
        intent = pay()

        eventually(lambda: client.v1.payment_intents.retrieve(intent.id).status == "succeeded")


class TestUpdate:
    def test_metadata_is_merged_and_unset(self, client):
        intent = client.v1.payment_intents.create(
            {"amount": 1000, "currency": "usd", "metadata": {"a": "1", "b": "2"}}
        )
        client.v1.payment_intents.update(intent.id, {"metadata": {"b": "", "c": "3"}})
        updated = client.v1.payment_intents.update(intent.id, {"amount": 1200})

        assert updated.metadata.to_dict() == {"a": "1", "c": "3"}
        assert updated.amount == 1200

    def test_amount_of_a_paid_intent_cannot_change(self, client, pay):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.update(pay().id, {"amount": 5})

        assert refused.value.code == "payment_intent_unexpected_state"


class TestBalanceTransaction:
    @pytest.mark.parametrize(
        ("amount", "currency", "fee"), [(1000, "usd", 59), (1050, "eur", 60), (1234, "jpy", 66)]
    )
    def test_fee_is_taken_in_whole_minor_units(
        self, *, client, pay, eventually, amount, currency, fee
    ):
        intent = pay(amount=amount, currency=currency)

        def settled():
            charge = client.v1.charges.retrieve(
                intent.latest_charge, {"expand": ["balance_transaction"]}
            )
            return charge.balance_transaction

        transaction = eventually(settled)
        assert (transaction.amount, transaction.fee) == (amount, fee)
        assert transaction.net == amount - fee
        assert sum(detail.amount for detail in transaction.fee_details) == fee
