import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack.waiting import wait_until

REQUEST, RESULT, ANALYTICS = (
    "stripe.payment.request",
    "payment.card.result",
    "payment.analytics",
)


class TestSuccess:
    def test_payment_is_charged_once_and_told_to_all(self, ada, audit, admin_figures, stack):
        stack.wait_until_settled()
        before = admin_figures()

        payment = ada.answered_payment(ada.pay(amount=4321, currency="eur")["id"])

        assert payment["status"] == "succeeded"
        assert payment["payment_intent_id"].startswith("pi_")
        charged = audit(payment_intent=payment["payment_intent_id"])
        assert (charged["succeeded"], charged["failed"]) == (1, 0)
        assert charged["per_currency"]["eur"]["net"] == 4321
        wait_until(
            lambda: admin_figures()["count"] == before["count"] + 1, what="the admin's count"
        )
        assert admin_figures()["volume"]["eur"] == before["volume"].get("eur", 0) + 4321

    def test_accepted_request_names_where_it_can_be_watched(self, ada):
        body = {"amount": 500, "currency": "eur", "payment_method": "pm_card_visa"}

        response = ada.post_payment(body, idempotency_key=str(uuid.uuid4()))

        assert response.status_code == 202
        assert response.json()["status"] == "requested"
        assert response.headers["Location"].endswith(f"/api/payments/{response.json()['id']}/")

    def test_every_hop_is_stored_once_in_order(self, ada, databases, stack):
        payment = ada.answered_payment(ada.pay()["id"])
        stack.wait_until_settled()

        hops = databases.hops(payment["correlation_id"])

        steps = [(hop.service, hop.step, hop.topic) for hop in hops]
        path = [
            ("customer", "written", REQUEST),
            ("customer", "published", REQUEST),
            ("payment", "received", REQUEST),
            ("payment", "written", RESULT),
            ("payment", "published", RESULT),
            ("customer", "received", RESULT),
            ("customer", "handled", RESULT),
        ]
        assert [steps.count(step) for step in path] == [1] * len(path)
        # A record may be received before its relay, told by the broker, marks it published.
        caused = [step for step in path if step[1] != "published"]
        assert sorted(caused, key=steps.index) == caused
        assert ("admin", "handled", ANALYTICS) in steps

    def test_records_are_as_the_interfaces_say(self, ada, topics):
        payment = ada.answered_payment(ada.pay(amount=777)["id"])

        request = topics.wait_for(REQUEST, correlationId=payment["correlation_id"])
        result = topics.wait_for(RESULT, correlationId=payment["correlation_id"])

        asked, answered = request.json(), result.json()
        assert (asked["eventType"], asked["amount"], asked["currency"]) == (REQUEST, 777, "eur")
        assert asked["paymentMethodId"] == "pm_card_visa"
        assert request.key == asked["customerId"].encode()
        assert result.key == request.key
        assert answered["success"] is True
        assert answered["paymentIntentId"] == payment["payment_intent_id"]
        assert (answered["amount"], answered["currency"]) == (777, "eur")
        assert answered["causationId"] == asked["eventId"]
        assert result.headers["ce_id"] == answered["eventId"]


class TestDecline:
    @pytest.mark.parametrize(
        ("payment_method", "decline_code"),
        [
            ("pm_card_visa_chargeDeclined", "generic_decline"),
            ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ],
    )
    def test_customer_learns_why(self, ada, audit, payment_method, decline_code):
        payment = ada.answered_payment(ada.pay(payment_method=payment_method)["id"])

        assert payment["status"] == "requires_payment_method"
        assert payment["error_code"] == "card_declined"
        assert payment["decline_code"] == decline_code
        assert payment["error_message"]
        assert audit(payment_intent=payment["payment_intent_id"])["succeeded"] == 0


class TestThreeDSecure:
    def test_customer_gets_what_the_bank_wants(self, ada, audit):
        accepted = ada.pay(payment_method="pm_card_threeDSecure2Required")

        payment = ada.answered_payment(accepted["id"])

        assert payment["status"] == "requires_action"
        assert payment["requires_action"] is True
        assert payment["client_secret"].startswith(payment["payment_intent_id"])
        assert payment["next_action"]["type"]
        assert audit(payment_intent=payment["payment_intent_id"])["succeeded"] == 0


class TestSameClickTwice:
    def test_one_payment_and_one_charge(self, ada, audit):
        key = str(uuid.uuid4())
        with ThreadPoolExecutor(max_workers=8) as pool:
            accepted = list(
                pool.map(lambda _number: ada.pay(amount=3300, idempotency_key=key), range(8))
            )

        (payment_id,) = {payment["id"] for payment in accepted}
        payment = ada.answered_payment(payment_id)

        assert payment["status"] == "succeeded"
        assert audit(**{"metadata.payment_id": payment_id})["succeeded"] == 1

    def test_other_customers_may_use_the_same_key(self, ada, grace):
        key = str(uuid.uuid4())

        assert ada.pay(idempotency_key=key)["id"] != grace.pay(idempotency_key=key)["id"]
