"""Idempotency keys: the answer of the first request, whatever it was."""

import threading
import uuid

import pytest
import stripe


@pytest.fixture
def key():
    return f"evt:{uuid.uuid4()}"


class TestReplay:
    def test_same_request_is_answered_from_memory(self, pay, customer, emulator, key):
        first = pay(customer=customer.id, idempotency_key=key)
        again = pay(customer=customer.id, idempotency_key=key)

        assert again.id == first.id
        assert "Idempotent-Replayed" not in first.last_response.headers
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        assert emulator.audit(idempotency_key=key)["succeeded"] == 1

    def test_decline_is_replayed(self, pay, emulator, key):
        for _ in range(2):
            with pytest.raises(stripe.CardError) as declined:
                pay("pm_card_visa_chargeDeclined", idempotency_key=key)

        assert declined.value.headers["Idempotent-Replayed"] == "true"
        assert emulator.audit(idempotency_key=key)["charges"] == 1

    def test_server_error_is_replayed(self, pay, emulator, key):
        emulator.faults(
            {"match": "POST /v1/payment_intents$", "action": "status_after", "times": 1}
        )
        for _ in range(2):
            with pytest.raises(stripe.APIError) as failed:
                pay(idempotency_key=key)

        assert failed.value.http_status == 500
        assert failed.value.headers["Idempotent-Replayed"] == "true"
        assert emulator.audit(idempotency_key=key)["succeeded"] == 1

    def test_validation_errors_are_forgotten(self, client, key):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.create({"nmae": "Ada"}, {"idempotency_key": key})

        assert client.v1.customers.create({"name": "Ada"}, {"idempotency_key": key}).name == "Ada"

    def test_errors_of_the_endpoint_are_kept(self, client, key):
        def attach():
            return client.v1.payment_intents.create(
                {"amount": 1000, "currency": "usd", "customer": "cus_none"},
                {"idempotency_key": key},
            )

        for _ in range(2):
            with pytest.raises(stripe.InvalidRequestError) as refused:
                attach()
        assert refused.value.headers["Idempotent-Replayed"] == "true"

    def test_a_forgotten_key_charges_again(self, pay, customer, emulator, key):
        pay(customer=customer.id, idempotency_key=key)
        emulator._http.delete(f"{emulator.url}/_emulator/idempotency_keys", timeout=5)
        pay(customer=customer.id, idempotency_key=key)

        assert emulator.audit(idempotency_key=key)["succeeded"] == 2


class TestConflict:
    def test_another_body_is_an_error(self, pay, key):
        pay(idempotency_key=key)
        with pytest.raises(stripe.IdempotencyError):
            pay(idempotency_key=key, amount=2000)

    def test_another_endpoint_is_an_error(self, client, key):
        client.v1.customers.create({}, {"idempotency_key": key})
        with pytest.raises(stripe.IdempotencyError):
            client.v1.products.create({"name": "x"}, {"idempotency_key": key})

    def test_key_in_flight_is_409(self, pay, emulator, eventually, key):
        emulator.faults(
            {
                "match": "POST /v1/payment_intents$",
                "action": "latency",
                "seconds": 0.4,
                "times": 1,
            }
        )
        done = []
        first = threading.Thread(target=lambda: done.append(pay(idempotency_key=key)))
        first.start()
        eventually(lambda: emulator.get("faults")[0]["hits"])

        with pytest.raises(stripe.APIError) as conflict:
            pay(idempotency_key=key)
        first.join()

        assert conflict.value.http_status == 409
        assert conflict.value.json_body["error"]["code"] == "idempotency_key_in_use"
        assert done[0].status == "succeeded"
        assert pay(idempotency_key=key).id == done[0].id

    def test_sdk_gets_over_the_conflict_by_itself(self, make_client, emulator, key):
        emulator.faults({"match": "POST /v1/customers$", "action": "drop_after", "times": 1})
        retrying = make_client(retries=2)
        customer = retrying.v1.customers.create({"name": "Ada"}, {"idempotency_key": key})

        assert customer.last_response.headers["Idempotent-Replayed"] == "true"
