import uuid

import pytest

GOOD = {"amount": 1999, "currency": "eur", "payment_method": "pm_card_visa"}
WITHOUT_METHOD = {"amount": 1999, "currency": "eur"}


PAYMENTS = "SELECT count(*) FROM payments_payment"
ASKED = "SELECT count(*) FROM kafka_bridge_outboxevent WHERE topic LIKE 'stripe.payment.%%'"


@pytest.fixture
def nothing_written(stack, databases):
    """Check that a test leaves no payment anywhere, and that nothing is asked of the others.

    Webhooks of what was paid before, and the balance it moved, may still arrive.
    """

    def written():
        return [
            databases.rows(service, query)
            for service, query in (
                ("customer", PAYMENTS),
                ("customer", ASKED),
                ("payment", PAYMENTS),
            )
        ]

    stack.wait_until_settled()
    before = written()
    yield
    stack.wait_until_settled()
    assert written() == before


def key() -> str:
    return str(uuid.uuid4())


def assert_standard_error(response, *, status, kind, attr=None):
    """Check the shape of drf-standardized-errors."""
    assert response.status_code == status
    body = response.json()
    assert body["type"] == kind
    for error in body["errors"]:
        assert error["code"]
        assert error["detail"]
    if attr:
        assert attr in [error["attr"] for error in body["errors"]]


@pytest.mark.usefixtures("nothing_written")
class TestRefused:
    @pytest.mark.parametrize(
        ("body", "attr"),
        [
            ({**GOOD, "currency": "xxq"}, "currency"),
            ({**GOOD, "currency": "euros"}, "currency"),
            ({**GOOD, "currency": None}, "currency"),
            ({**GOOD, "amount": 19.99}, "amount"),
            ({**GOOD, "amount": 10.0}, "amount"),
            ({**GOOD, "amount": "1999"}, "amount"),
            ({**GOOD, "amount": True}, "amount"),
            ({**GOOD, "amount": -1}, "amount"),
            ({**GOOD, "amount": 0}, "amount"),
            ({**GOOD, "amount": 10**15}, "amount"),
            ({**GOOD, "amount": 10**30}, "amount"),
            (WITHOUT_METHOD, "payment_method"),
            ({**GOOD, "payment_method": "4242424242424242"}, "payment_method"),
            ({**GOOD, "payment_method": "pm_\x00"}, "payment_method"),
            ({**GOOD, "return_url": "javascript:alert(1)"}, "return_url"),
        ],
        ids=str,
    )
    def test_bad_body(self, ada, body, attr):
        response = ada.post_payment(body, idempotency_key=key())

        assert_standard_error(response, status=400, kind="validation_error", attr=attr)

    @pytest.mark.parametrize("body", [[], "text", 1, None])
    def test_body_that_is_no_object(self, ada, body):
        response = ada.post_payment(body, idempotency_key=key())

        assert_standard_error(response, status=400, kind="validation_error")

    @pytest.mark.parametrize("bad_key", [None, "", "a b", "caf\u00e9", "x" * 256])
    def test_missing_or_malformed_idempotency_key(self, ada, bad_key):
        response = ada.post_payment(GOOD, idempotency_key=bad_key)

        assert_standard_error(response, status=400, kind="validation_error", attr="Idempotency-Key")

    def test_no_token(self, anonymous):
        response = anonymous.post_payment(GOOD, idempotency_key=key())

        assert_standard_error(response, status=401, kind="client_error")

    @pytest.mark.parametrize(
        "payment_id", ["00000000-0000-0000-0000-000000000000", "not-a-uuid", "1"]
    )
    def test_unknown_payment(self, ada, payment_id):
        assert_standard_error(ada.get_payment(payment_id), status=404, kind="client_error")


class TestSomebodyElses:
    def test_payment_is_not_found(self, ada, grace):
        payment = ada.pay()

        assert_standard_error(grace.get_payment(payment["id"]), status=404, kind="client_error")


class TestReusedKey:
    def test_another_body_is_refused_and_nothing_published(self, ada, databases, stack):
        used = key()
        ada.post_payment(GOOD, idempotency_key=used)
        stack.wait_until_settled()
        count = "SELECT count(*) FROM kafka_bridge_outboxevent"
        before = databases.rows("customer", count)

        response = ada.post_payment({**GOOD, "amount": 2000}, idempotency_key=used)

        assert_standard_error(response, status=422, kind="client_error")
        assert databases.rows("customer", count) == before
