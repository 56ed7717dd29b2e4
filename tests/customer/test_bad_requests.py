import json

import pytest
from django.contrib.auth import get_user_model
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from customer_project.payments.parsers import LONGEST_BODY
from tests.customer.conftest import GOOD, post, rows


@pytest.fixture(autouse=True)
def nothing_written(api, grace_api):
    before = rows()
    yield
    assert rows() == before


def assert_refused(response, *, status=400, kind="validation_error", attr=None, code=None):
    """Check the shape of drf-standardized-errors, and that it says something."""
    assert response.status_code == status, response.content
    body = response.json()
    assert body.keys() == {"type", "errors"}
    assert body["type"] == kind
    assert body["errors"]
    for error in body["errors"]:
        assert error.keys() == {"code", "detail", "attr"}
        assert error["detail"]
    if attr:
        assert attr in [error["attr"] for error in body["errors"]]
    if code:
        assert code in [error["code"] for error in body["errors"]]


class TestWhoAsks:
    @pytest.mark.parametrize(
        "authorization", [None, "Token nonsense", "Token", "Bearer x", "Basic x"]
    )
    def test_without_a_good_token(self, authorization):
        client = APIClient()
        if authorization:
            client.credentials(HTTP_AUTHORIZATION=authorization)

        response = post(client)

        assert_refused(response, status=401, kind="client_error")
        assert response["WWW-Authenticate"] == "Token"

    def test_with_the_token_of_a_closed_account(self, api, ada):
        ada.user.is_active = False
        ada.user.save()

        assert_refused(post(api), status=401, kind="client_error")

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_with_the_token_of_somebody_who_is_no_customer(self, method, nothing_written):
        client = APIClient()
        user = get_user_model()(username="staff")
        client.force_authenticate(user, Token(user=user))

        response = getattr(client, method)("/api/payments/")

        assert_refused(response, status=403, kind="client_error", code="permission_denied")


class TestIdempotencyKey:
    def test_missing(self, api):
        assert_refused(post(api, key=None), attr="Idempotency-Key", code="required")

    @pytest.mark.parametrize("key", [" ", "two words", "x" * 256, "café", "tab\t", "\x7f"])
    def test_malformed(self, api, key):
        assert_refused(post(api, key=key), attr="Idempotency-Key", code="invalid")

    def test_empty(self, api):
        response = api.post("/api/payments/", GOOD, headers={"Idempotency-Key": ""})

        assert_refused(response, attr="Idempotency-Key", code="invalid")


class TestBody:
    @pytest.mark.parametrize(
        "amount",
        [
            10.5,
            10.0,
            1e3,
            -1,
            0,
            -(10**12),
            10**12,
            10**30,
            "1000",
            "",
            True,
            None,
            [1999],
            {"v": 1},
        ],
        ids=repr,
    )
    def test_amount(self, api, amount):
        assert_refused(post(api, {**GOOD, "amount": amount}), attr="amount")

    @pytest.mark.parametrize("raw", ["-0", "10.00", "1E3", "1" * 40])
    def test_amount_that_only_json_can_write(self, api, raw):
        body = json.dumps(GOOD).replace("1999", raw)

        assert_refused(post(api, body, content_type="application/json"), attr="amount")

    @pytest.mark.parametrize("currency", ["xxq", "euros", "eu", "", "e r", "€", None, 978, ["eur"]])
    def test_currency(self, api, currency):
        assert_refused(post(api, {**GOOD, "currency": currency}), attr="currency")

    @pytest.mark.parametrize(
        ("currency", "amount"),
        [("eur", 49), ("gbp", 29), ("huf", 17_499), ("jpy", 49), ("usd", 100_000_000),
         ("kwd", 1234), ("bhd", 10_005), ("isk", 10_050), ("ugx", 350_010)],
    )  # fmt: skip
    def test_amount_that_the_currency_does_not_allow(self, api, currency, amount):
        response = post(api, {**GOOD, "currency": currency, "amount": amount})

        assert_refused(response, attr="amount")

    @pytest.mark.parametrize("field", GOOD)
    def test_missing_field(self, api, field):
        body = {name: value for name, value in GOOD.items() if name != field}

        assert_refused(post(api, body), attr=field, code="required")

    @pytest.mark.parametrize(
        "method",
        [
            "",
            "4242424242424242",
            "visa",
            "pm_",
            "pm_a b",
            "pm_\x00",
            "pm_" + "x" * 253,
            None,
            5,
            [],
        ],
        ids=repr,
    )
    def test_payment_method(self, api, method):
        assert_refused(post(api, {**GOOD, "payment_method": method}), attr="payment_method")

    @pytest.mark.parametrize(
        "url",
        ["javascript:alert(1)", "/back", "shop.example", "ftp://shop.example/", "https://", "",
         "https://shop.example/" + "x" * 2000, None, 5,
         "https://elsewhere.example/", "http://shop.example/", "https://shop.example:444/",
         "https://shop.example.evil.example/", "https://shop.example@evil.example/",
         "https://evil.example\\@shop.example/", "https://user@shop.example/"],
        ids=repr,
    )  # fmt: skip
    def test_return_url(self, api, url):
        response = post(api, {**GOOD, "return_url": url})

        assert_refused(response, attr="return_url")
        assert len(response.json()["errors"]) == 1

    @pytest.mark.parametrize(
        "metadata",
        [
            {f"key{number}": "x" for number in range(41)},
            {"k" * 41: "x"},
            {"": "x"},
            {"key": "x" * 501},
            {"key": {"nested": "x"}},
            {"key": None},
            {"key": True},
            {"nul": "\x00"},
            {"nul\x00": "x"},
            ["key"],
            "key",
            None,
        ],
        ids=lambda metadata: repr(metadata)[:30],
    )
    def test_metadata(self, api, metadata):
        response = post(api, {**GOOD, "metadata": metadata})

        assert_refused(response)
        assert all(error["attr"].startswith("metadata") for error in response.json()["errors"])

    @pytest.mark.parametrize(
        ("fields", "attr"),
        [
            ({"confirmation_token": "ctoken_1"}, "confirmation_token"),
            ({"payment_method": "ctoken_1"}, "payment_method"),
            ({"capture_method": "later"}, "capture_method"),
            ({"save_card": "maybe"}, "save_card"),
            ({"off_session": True, "save_card": True}, "off_session"),
            ({"customer": "ada"}, "customer"),
        ],
        ids=str,
    )
    def test_ways_to_pay(self, api, fields, attr):
        assert_refused(post(api, {**GOOD, **fields}), attr=attr)

    @pytest.mark.parametrize("description", ["x" * 1001, "\x00", "", None, ["x"]], ids=repr)
    def test_description(self, api, description):
        assert_refused(post(api, {**GOOD, "description": description}), attr="description")

    @pytest.mark.parametrize("body", [[], [GOOD], "text", 5, None, True], ids=repr)
    def test_no_object(self, api, body):
        assert_refused(post(api, json.dumps(body), content_type="application/json"))

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"{",
            b"{'amount': 1999}",
            b'{"amount":1999,}',
            b"\xff\xfe{}",
            b'{"amount":' + b"1" * 5000 + b"}",
            b'{"amount":1e999}',
            b'{"amount":NaN,"currency":"eur","payment_method":"pm_card_visa"}',
            b'{"amount":1999,"currency":"\\ud800ur","payment_method":"pm_card_visa"}',
            b'{"amount":1999,"currency":"eur","payment_method":"pm_x","description":"\\udc00"}',
            b'{"metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        ],
        ids=lambda text: repr(text)[:40],
    )
    def test_no_json(self, api, text):
        response = post(api, text, content_type="application/json")

        assert_refused(response, kind="client_error" if text else "validation_error")

    def test_too_long(self, api):
        body = {**GOOD, "metadata": {"key": "x" * LONGEST_BODY}}

        assert_refused(post(api, body), status=413, kind="client_error", code="body_too_long")

    @pytest.mark.parametrize(
        "content_type",
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "x"],
    )
    def test_content_type(self, api, content_type):
        response = post(api, json.dumps(GOOD), content_type=content_type)

        assert_refused(response, status=415, kind="client_error", code="unsupported_media_type")

    def test_every_wrong_field_is_named_at_once(self, api):
        response = post(api, {"amount": 10.5, "currency": "xxq"})

        assert {error["attr"] for error in response.json()["errors"]} == {
            "amount",
            "currency",
            "payment_method",
        }


class TestAddress:
    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_payments_are_not_changed_here(self, api, method):
        assert_refused(
            getattr(api, method)("/api/payments/"),
            status=405,
            kind="client_error",
            code="method_not_allowed",
        )

    @pytest.mark.parametrize("payment", ["00000000-0000-0000-0000-000000000000", "1", "nonsense"])
    def test_payment_that_is_none(self, api, payment):
        response = api.get(f"/api/payments/{payment}/")

        assert_refused(response, status=404, kind="client_error", code="not_found")
