"""The Stripe.js stand-in, run by Node.js in as much of a browser as it needs."""

import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

BROWSER = Path(__file__).parent / "data" / "browser.js"


@pytest.fixture
def browse(emulator):
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js 18 or later on the PATH to run Stripe.js")

    def run(scenario):
        done = subprocess.run(
            [node, BROWSER, emulator.url, scenario],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


class TestElements:
    def test_card_element_pays(self, browse):
        assert browse("confirm_card_payment")["paymentIntent"]["status"] == "succeeded"

    def test_payment_element_redirects(self, browse):
        address = urlsplit(browse("confirm_payment_redirects")["assigned"])
        query = parse_qs(address.query)

        assert address.netloc == "shop.example"
        assert query["a"] == ["1"]
        assert query["redirect_status"] == ["succeeded"]
        assert query["payment_intent_client_secret"][0].startswith(query["payment_intent"][0])

    def test_decline_is_an_error_with_the_intent(self, browse):
        error = browse("declined")["error"]

        assert error["decline_code"] == "insufficient_funds"
        assert error["payment_intent"]["status"] == "requires_payment_method"

    def test_incomplete_number(self, browse):
        assert browse("incomplete")["error"]["code"] == "incomplete_number"


class TestConfirmation:
    def test_confirmation_token(self, browse):
        result = browse("confirmation_token")

        assert result["confirmationToken"]["payment_method_preview"]["card"]["last4"] == "4242"
        assert result["paymentIntent"]["status"] == "succeeded"

    def test_three_d_secure_in_a_frame(self, browse):
        assert browse("three_d_secure")["paymentIntent"]["status"] == "succeeded"

    def test_three_d_secure_failed(self, browse):
        error = browse("three_d_secure_fail")["error"]
        assert error["code"] == "payment_intent_authentication_failure"

    def test_next_action_of_manual_confirmation(self, browse):
        assert browse("handle_next_action")["paymentIntent"]["status"] == "requires_confirmation"


class TestServed:
    def test_cross_origin(self, emulator):
        headers = {"Origin": "https://shop.example"}
        asked = requests.options(f"{emulator.url}/v1/payment_methods", headers=headers, timeout=5)
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == "*"
        script = requests.get(f"{emulator.url}/v3/", headers=headers, timeout=5)
        assert script.headers["content-type"].startswith("text/javascript")
