"""Capture, cancel and refund by the API, until all three services and Stripe say the same."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from devstack.waiting import wait_until

STATE = (
    "SELECT status, revision, amount_captured, amount_refunded FROM payments_payment WHERE id = %s"
)
FACT = "SELECT status, revision FROM analytics_paymentfact WHERE payment_id = %s"


@pytest.fixture
def assert_equal(stack, databases, audit, merchant):
    """Check that the services and Stripe agree about a payment, and on what."""

    def check(payment_id, *, status, captured=0, refunded=0):
        stack.wait_until_settled()
        [at_payment] = databases.rows("payment", STATE, (payment_id,))
        [at_customer] = databases.rows("customer", STATE, (payment_id,))
        [at_admin] = databases.rows("admin", FACT, (payment_id,))
        assert at_customer == at_payment
        assert {name: at_payment[name] for name in at_admin} == at_admin
        assert list(at_payment.values())[2:] == [captured, refunded]
        shown = merchant.get_payment(payment_id).json()
        assert (shown["status"], shown["amount_captured"]) == (status, captured)
        assert sum(one["amount"] for one in shown["refunds"]) == refunded
        books = audit(payment_intent=shown["payment_intent_id"])["per_currency"].get("eur", {})
        assert (books.get("captured", 0), books.get("refunded", 0)) == (captured, refunded)

    return check


@pytest.fixture
def authorised(ada):
    return ada.moved_on(ada.pay(capture_method="manual")["id"], beyond=0)


@pytest.fixture
def paid(ada):
    return ada.moved_on(ada.pay()["id"], beyond=0)


class TestCapture:
    def test_of_a_part_gives_up_the_rest(self, ada, merchant, authorised, assert_equal):
        assert (authorised["status"], authorised["amount_captured"]) == ("requires_capture", 0)

        accepted = merchant.update(authorised["id"], "capture", amount=1500)

        captured = ada.moved_on(authorised["id"], beyond=accepted["revision"])
        assert captured["status"] == "succeeded"
        assert_equal(authorised["id"], status="succeeded", captured=1500)

    def test_asked_for_twice_takes_once(self, ada, merchant, authorised, assert_equal):
        for _ in range(2):
            merchant.update(authorised["id"], "capture")

        ada.moved_on(authorised["id"], beyond=1)
        assert_equal(authorised["id"], status="succeeded", captured=1999)


class TestCancel:
    def test_gives_up_what_was_authorised(self, ada, merchant, authorised, assert_equal):
        merchant.update(authorised["id"], "cancel", reason="requested_by_customer")

        assert ada.moved_on(authorised["id"], beyond=1)["status"] == "canceled"
        assert_equal(authorised["id"], status="canceled")
        assert merchant.post_update(authorised["id"], "capture").status_code == 409


class TestRefund:
    def test_of_a_part_then_of_the_rest(self, merchant, paid, assert_equal):
        first = merchant.update(paid["id"], "refunds", amount=500, reason="duplicate")
        partly = merchant.moved_on(paid["id"], beyond=1)
        second = merchant.update(paid["id"], "refunds")

        merchant.moved_on(paid["id"], beyond=partly["revision"])
        assert_equal(paid["id"], status="succeeded", captured=1999, refunded=1999)
        refunds = merchant.get_payment(paid["id"]).json()["refunds"]
        assert [(one["id"], one["amount"]) for one in refunds] == [
            (first["id"], 500),
            (second["id"], 1499),
        ]
        response = merchant.post_update(paid["id"], "refunds")
        assert response.json()["errors"][0]["code"] == "nothing_to_refund"
        whats = [line["what"] for line in merchant.history(paid["id"])]
        assert whats[:4] == ["requested", "answered", "refund", "updated"]

    def test_asked_for_with_one_key_by_many_is_made_once(self, merchant, paid, assert_equal):
        key = str(uuid.uuid4())
        with ThreadPoolExecutor(max_workers=6) as pool:
            answers = list(
                pool.map(
                    lambda _: merchant.post_update(
                        paid["id"], "refunds", {"amount": 700}, idempotency_key=key
                    ),
                    range(6),
                )
            )

        merchant.moved_on(paid["id"], beyond=1)
        assert {(one.status_code, one.content) for one in answers} == {(202, answers[0].content)}
        assert_equal(paid["id"], status="succeeded", captured=1999, refunded=700)

    def test_two_that_are_more_than_is_left_are_one(self, merchant, paid):
        """What the customer service cannot know yet: the first has not been answered."""
        for _ in range(2):
            merchant.update(paid["id"], "refunds", amount=1500)

        merchant.moved_on(paid["id"], beyond=2)
        shown = merchant.get_payment(paid["id"]).json()
        assert sorted(one["status"] for one in shown["refunds"]) == ["failed", "succeeded"]
        assert shown["amount_refunded"] == 1500


def cards_of(ada):
    """The cards that a customer is offered, the last saved first."""
    url = f"{ada.base_url}/api/payment-methods/"
    return ada._session.get(url, timeout=30).json()["results"]


class TestSavedCard:
    def test_is_listed_and_charged_again_by_the_merchant(self, ada, merchant, assert_equal):
        saved = ada.moved_on(ada.pay(save_card=True)["id"], beyond=0)
        card = cards_of(ada)[0]

        again = merchant.pay(
            customer=saved["customer"], payment_method=card["id"], off_session=True
        )

        assert merchant.moved_on(again["id"], beyond=0)["status"] == "succeeded"
        assert_equal(again["id"], status="succeeded", captured=1999)

    def test_changed_and_detached_at_stripe(self, at_stripe, ada):
        ada.moved_on(ada.pay(save_card=True)["id"], beyond=0)
        card = cards_of(ada)[0]
        path = f"/v1/payment_methods/{card['id']}"

        at_stripe.post(path, **{"card[exp_year]": 2044})
        wait_until(lambda: card | {"exp_year": 2044} in cards_of(ada), what="the new date")
        at_stripe.post(f"{path}/detach")

        wait_until(
            lambda: card["id"] not in [one["id"] for one in cards_of(ada)], what="the card to go"
        )


class TestManyWait:
    def test_fifty_waiting_do_not_keep_others_from_paying(self, ada, merchant, authorised):
        def watch(_number):
            url = f"{ada.base_url}/api/payments/{authorised['id']}/?wait=20&revision=1"
            return requests.get(url, headers=ada._session.headers, timeout=60).json()

        with ThreadPoolExecutor(max_workers=50) as pool:
            watching = [pool.submit(watch, number) for number in range(50)]
            started = time.monotonic()
            ada.moved_on(ada.pay()["id"], beyond=0)
            assert time.monotonic() - started < 10

            merchant.update(authorised["id"], "cancel")
            shown = [one.result()["status"] for one in watching]

        # Those for whom there was no room were answered at once.
        assert set(shown) <= {"canceled", "requires_capture"}
        assert shown.count("canceled") >= 30
