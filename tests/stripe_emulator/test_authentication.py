"""3-D Secure: in a browser, by redirect, confirmed again by the server, off-session."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import stripe

RETURN_URL = "https://shop.example/return?order=7"


def answer_bank(url, outcome):
    assert requests.get(url, timeout=5).status_code == 200
    answered = requests.post(url, data={"outcome": outcome}, allow_redirects=False, timeout=5)
    assert answered.status_code == 303
    parts = urlsplit(answered.headers["location"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qs(parts.query)


class TestRedirect:
    def test_completed_challenge_pays_and_comes_back(self, client, pay):
        intent = pay("pm_card_threeDSecure2Required", return_url=RETURN_URL)
        assert intent.status == "requires_action"
        assert intent.next_action.redirect_to_url.return_url == RETURN_URL

        address, query = answer_bank(intent.next_action.redirect_to_url.url, "complete")

        assert address == "https://shop.example/return"
        assert query == {
            "order": ["7"],
            "payment_intent": [intent.id],
            "payment_intent_client_secret": [intent.client_secret],
            "redirect_status": ["succeeded"],
        }
        paid = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
        assert paid.status == "succeeded"
        secured = paid.latest_charge.payment_method_details.card.three_d_secure
        assert secured.result == "authenticated"

    def test_failed_challenge_takes_no_money(self, client, pay, emulator):
        intent = pay("pm_card_threeDSecure2Required", return_url=RETURN_URL)

        _, query = answer_bank(intent.next_action.redirect_to_url.url, "fail")

        assert query["redirect_status"] == ["failed"]
        failed = client.v1.payment_intents.retrieve(intent.id)
        assert failed.status == "requires_payment_method"
        assert failed.last_payment_error.code == "payment_intent_authentication_failure"
        assert emulator.audit(payment_intent=intent.id)["charges"] == 0

    def test_completed_challenge_may_still_be_declined(self, client, pay):
        intent = pay("pm_card_threeDSecureRequiredChargeDeclined", return_url=RETURN_URL)

        _, query = answer_bank(intent.next_action.redirect_to_url.url, "complete")

        assert query["redirect_status"] == ["failed"]
        failed = client.v1.payment_intents.retrieve(intent.id)
        assert failed.last_payment_error.decline_code == "generic_decline"

    def test_answering_twice_pays_once(self, pay, emulator):
        intent = pay("pm_card_threeDSecure2Required", return_url=RETURN_URL)
        url = intent.next_action.redirect_to_url.url
        for _ in range(2):
            requests.post(url, data={"outcome": "complete"}, allow_redirects=False, timeout=5)

        assert emulator.audit(payment_intent=intent.id)["succeeded"] == 1


class TestManualConfirmation:
    def test_server_confirms_again_after_the_challenge(self, client, pay):
        intent = pay(
            "pm_card_threeDSecure2Required", return_url=RETURN_URL, confirmation_method="manual"
        )
        answer_bank(intent.next_action.redirect_to_url.url, "complete")
        waiting = client.v1.payment_intents.retrieve(intent.id)
        assert waiting.status == "requires_confirmation"

        paid = client.v1.payment_intents.confirm(intent.id)

        assert paid.status == "succeeded"

    def test_browser_may_not_confirm(self, client, make_client):
        intent = client.v1.payment_intents.create(
            {"amount": 1000, "currency": "usd", "confirmation_method": "manual"}
        )
        with pytest.raises(stripe.InvalidRequestError, match="publishable"):
            make_client("pk_test_emulated").raw_request(
                "post",
                f"/v1/payment_intents/{intent.id}/confirm",
                client_secret=intent.client_secret,
                payment_method="pm_card_visa",
            )


class TestWithoutRedirect:
    def test_stripe_js_is_told_what_to_open(self, pay):
        intent = pay("pm_card_threeDSecure2Required", use_stripe_sdk=True)

        assert intent.next_action.type == "use_stripe_sdk"

    def test_error_on_requires_action(self, pay):
        with pytest.raises(stripe.CardError) as declined:
            pay("pm_card_threeDSecure2Required", error_on_requires_action=True)

        assert declined.value.code == "authentication_required"


class TestOffSession:
    def test_authentication_required_makes_no_charge(self, pay, emulator):
        with pytest.raises(stripe.CardError) as declined:
            pay("pm_card_authenticationRequired", off_session=True)

        error = declined.value.json_body["error"]
        assert error["code"] == error["decline_code"] == "authentication_required"
        assert error["payment_intent"]["status"] == "requires_payment_method"
        assert "charge" not in error
        assert emulator.audit(payment_intent=error["payment_intent"]["id"])["charges"] == 0

    def test_card_set_up_before_needs_no_authentication(self, client, pay, customer):
        setup = client.v1.setup_intents.create(
            {
                "customer": customer.id,
                "payment_method": "pm_card_authenticationRequiredOnSetup",
                "confirm": True,
                "usage": "off_session",
                "return_url": RETURN_URL,
            }
        )
        assert setup.status == "requires_action"
        answer_bank(setup.next_action.redirect_to_url.url, "complete")

        paid = pay(setup.payment_method, customer=customer.id, off_session=True)

        assert paid.status == "succeeded"


class TestSetupIntents:
    def test_card_is_attached(self, client, customer):
        setup = client.v1.setup_intents.create(
            {
                "customer": customer.id,
                "payment_method": "pm_card_visa",
                "confirm": True,
                "return_url": RETURN_URL,
                "expand": ["payment_method", "latest_attempt"],
            }
        )

        assert setup.status == "succeeded"
        assert setup.payment_method.customer == customer.id
        assert setup.latest_attempt.status == "succeeded"

    def test_declined_card_is_not(self, client, customer):
        with pytest.raises(stripe.CardError) as declined:
            client.v1.setup_intents.create(
                {
                    "customer": customer.id,
                    "payment_method": "pm_card_visa_chargeDeclined",
                    "confirm": True,
                    "return_url": RETURN_URL,
                }
            )

        assert declined.value.json_body["error"]["setup_intent"]["last_setup_error"]
        assert client.v1.customers.payment_methods.list(customer.id).data == []

    def test_failed_challenge(self, client, customer):
        setup = client.v1.setup_intents.create(
            {
                "customer": customer.id,
                "payment_method": "pm_card_threeDSecure2Required",
                "confirm": True,
                "return_url": RETURN_URL,
            }
        )
        _, query = answer_bank(setup.next_action.redirect_to_url.url, "fail")

        assert query["setup_intent"] == [setup.id]
        assert query["redirect_status"] == ["failed"]
        failed = client.v1.setup_intents.retrieve(setup.id)
        assert failed.last_setup_error.code == "setup_intent_authentication_failure"

    def test_cancel(self, client):
        setup = client.v1.setup_intents.create({})
        assert client.v1.setup_intents.cancel(setup.id).status == "canceled"
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.setup_intents.cancel(setup.id)


class TestSetupFutureUsage:
    def test_card_is_kept_by_the_payment(self, client, pay, customer):
        intent = pay(customer=customer.id, setup_future_usage="off_session")

        kept = client.v1.customers.payment_methods.list(customer.id).data
        assert [method.id for method in kept] == [intent.payment_method]
        assert pay(kept[0].id, customer=customer.id, off_session=True).status == "succeeded"

    def test_card_not_kept_cannot_be_used_again(self, pay):
        method = pay().payment_method
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            pay(method)


class TestConfirmationTokens:
    def test_token_confirms_an_intent_once(self, client):
        token = client.v1.test_helpers.confirmation_tokens.create(
            {"payment_method": "pm_card_visa", "return_url": RETURN_URL}
        )
        assert token.payment_method_preview.card.last4 == "4242"
        params = {
            "amount": 1000,
            "currency": "usd",
            "confirm": True,
            "confirmation_token": token.id,
        }

        intent = client.v1.payment_intents.create(params)

        assert intent.status == "succeeded"
        assert client.v1.confirmation_tokens.retrieve(token.id).payment_intent == intent.id
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payment_intents.create(params)


class TestConfirmationTokenOfStripeJs:
    @pytest.fixture
    def token(self, emulator):
        answer = requests.post(
            f"{emulator.url}/v1/confirmation_tokens",
            data={"payment_method": "pm_card_threeDSecure2Required", "return_url": RETURN_URL},
            headers={"Authorization": "Bearer pk_test_browser"},
            timeout=5,
        )
        return answer.json()["id"]

    def confirm(self, client, token):
        return client.v1.payment_intents.create(
            {
                "amount": 1000,
                "currency": "eur",
                "confirm": True,
                "confirmation_method": "manual",
                "confirmation_token": token,
                "return_url": RETURN_URL,
            }
        )

    def test_is_challenged_in_the_page(self, client, token):
        intent = self.confirm(client, token)

        assert intent.next_action.type == "use_stripe_sdk"

    def test_is_sent_to_a_bank_that_cannot_be_framed(self, client, emulator, token):
        emulator.faults({"match": "POST /v1/payment_intents$", "action": "redirect"})
        intent = self.confirm(client, token)

        address, query = answer_bank(intent.next_action.redirect_to_url.url, "complete")

        assert address == "https://shop.example/return"
        assert query["redirect_status"] == ["succeeded"]
        confirmed = client.v1.payment_intents.confirm(intent.id)
        assert confirmed.status == "succeeded"
