"""Records of a plain Kafka client, written from the interfaces of the specification alone."""

import uuid
from datetime import UTC, datetime

import pytest

from devstack.waiting import wait_until

REQUEST, RESULT = "stripe.payment.request", "payment.card.result"


def plain_request(customer_id, **changes):
    return {
        "eventType": REQUEST,
        "customerId": customer_id,
        "amount": 1234,
        "currency": "eur",
        "paymentMethodId": "pm_card_visa",
        "customerInfo": {"email": "jean@example.com", "name": "Jean"},
        "metadata": {"orderId": "42"},
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        **changes,
    }


@pytest.fixture
def customer_id():
    return f"customer-{uuid.uuid4()}"


class TestPlainRequest:
    @pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "without a key"])
    def test_is_charged_once_and_answered(self, topics, audit, customer_id, keyed, stack):
        topics.produce(REQUEST, plain_request(customer_id), key=customer_id if keyed else None)

        result = topics.wait_for(RESULT, customerId=customer_id).json()

        stack.wait_until_settled()
        assert result["success"] is True
        assert (result["amount"], result["currency"]) == (1234, "eur")
        charged = audit(payment_intent=result["paymentIntentId"])
        assert charged["succeeded"] == 1
        assert audit(**{"metadata.customer_id": customer_id})["succeeded"] == 1

    def test_repeated_event_id_is_charged_once(self, topics, audit, customer_id, stack):
        request = plain_request(customer_id, eventId="order-42-attempt-1-" + customer_id)
        for _repetition in range(3):
            topics.produce(REQUEST, request, key=customer_id)

        topics.wait_for(RESULT, customerId=customer_id)

        stack.wait_until_settled()
        assert audit(**{"metadata.customer_id": customer_id})["succeeded"] == 1


class TestMalformedRecord:
    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (lambda _id: b'{"eventType": "stripe.pay', "JSON"),
            (lambda _id: b"\xff\xfe\x00", ""),
            (lambda _id: b"", ""),
            (lambda _id: b"[]", ""),
            (lambda id_: plain_request(id_, amount=10.5), "amount"),
            (lambda id_: plain_request(id_, amount="1000"), "amount"),
            (lambda id_: plain_request(id_, amount=-1), "amount"),
            (lambda id_: plain_request(id_, amount=None), "amount"),
            (lambda id_: plain_request(id_, customerId=None), "customerId"),
            (lambda id_: plain_request(id_, eventType="stripe.subscription.setup"), "eventType"),
        ],
        ids=[
            "broken JSON",
            "no UTF-8",
            "empty",
            "no object",
            "fraction",
            "text for a number",
            "negative",
            "no amount",
            "no customer",
            "wrong event type",
        ],
    )
    def test_is_dead_with_its_reason_and_copied_and_the_next_is_handled(
        self, topics, databases, customer_id, bad, reason
    ):
        value = bad(customer_id)
        partition, offset = topics.produce(REQUEST, value, key=customer_id)
        topics.produce(REQUEST, plain_request(customer_id), key=customer_id)

        answered = topics.wait_for(RESULT, customerId=customer_id).json()

        (dead,) = databases.rows(
            "payment",
            "SELECT event_id::text, value, error, error_type, dead_at, handled_at"
            ' FROM kafka_bridge_inboxevent WHERE topic = %s AND partition = %s AND "offset" = %s',
            (REQUEST, partition, offset),
        )
        copies = wait_until(
            lambda: [
                record
                for record in topics.records(f"{REQUEST}.dlq")
                if record.headers["dlq_event_id"] == dead["event_id"]
            ],
            what="the dead letter",
        )
        assert answered["success"] is True
        assert dead["dead_at"]
        assert dead["handled_at"] is None
        assert dead["error_type"]
        assert reason in dead["error"]
        # Every service that reads the topic makes its own copy.
        assert {copy.value or b"" for copy in copies} == {bytes(dead["value"] or b"")}
        assert copies[0].headers["dlq_error"] == dead["error"]
