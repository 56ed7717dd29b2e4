"""Everything that can go wrong on the way, on demand."""

import json
import time

import pytest
import stripe

CREATE = "POST /v1/payment_intents$"


class TestRequests:
    @pytest.mark.parametrize("action", ["drop_before", "drop_after"])
    def test_dropped_connection(self, pay, emulator, customer, action):
        emulator.faults({"match": CREATE, "action": action, "times": 1})
        with pytest.raises(stripe.APIConnectionError):
            pay(customer=customer.id)

        done = emulator.audit(customer=customer.id)["succeeded"]
        assert done == (0 if action == "drop_before" else 1)

    def test_half_an_answer(self, pay, emulator, customer):
        emulator.faults({"match": CREATE, "action": "garble_after", "times": 1})
        with pytest.raises(json.JSONDecodeError):
            pay(customer=customer.id)

        assert emulator.audit(customer=customer.id)["succeeded"] == 1

    @pytest.mark.parametrize(("action", "done"), [("status", 0), ("status_after", 1)])
    def test_server_error(self, pay, emulator, customer, action, done):
        emulator.faults({"match": CREATE, "action": action, "status": 503, "times": 1})
        with pytest.raises(stripe.APIError) as failed:
            pay(customer=customer.id)

        assert failed.value.http_status == 503
        assert emulator.audit(customer=customer.id)["succeeded"] == done

    def test_server_error_before_the_work_is_not_remembered(self, make_client, emulator):
        emulator.faults({"match": "POST /v1/customers$", "action": "status", "times": 2})

        assert make_client(retries=2).v1.customers.create({"name": "Ada"}).name == "Ada"

    def test_rate_limited_with_headers(self, pay, emulator):
        emulator.faults(
            {
                "match": CREATE,
                "action": "status",
                "status": 429,
                "headers": {"Stripe-Should-Retry": "true"},
                "times": 1,
            }
        )
        with pytest.raises(stripe.RateLimitError) as limited:
            pay()

        assert limited.value.headers["Stripe-Should-Retry"] == "true"
        assert limited.value.json_body["error"]["code"] == "rate_limit"

    def test_lock_timeout(self, pay, emulator):
        emulator.faults({"match": CREATE, "action": "lock_timeout", "times": 1})
        with pytest.raises(stripe.RateLimitError) as locked:
            pay()

        assert locked.value.json_body["error"]["code"] == "lock_timeout"

    @pytest.mark.parametrize("distribution", ["fixed", "uniform", "exponential", "lognormal"])
    def test_latency(self, client, emulator, distribution):
        emulator.faults(
            {
                "match": "GET /v1/customers$",
                "action": "latency",
                "seconds": 0.02,
                "distribution": distribution,
            }
        )
        started = time.monotonic()
        for _ in range(5):
            client.v1.customers.list({"limit": 1})

        assert time.monotonic() - started > 0.02

    def test_probability_is_seeded(self, client, emulator):
        def outcomes():
            emulator.faults(
                {
                    "match": "GET /v1/customers$",
                    "action": "status",
                    "status": 500,
                    "probability": 0.5,
                    "seed": 7,
                }
            )
            found = []
            for _ in range(12):
                try:
                    client.v1.customers.list({"limit": 1})
                    found.append(True)
                except stripe.APIError:
                    found.append(False)
            return found

        first = outcomes()
        assert len(set(first)) == 2
        assert outcomes() == first

    @pytest.mark.parametrize(
        "fault",
        [
            {"match": "x", "action": "explode"},
            {"match": "(", "action": "status"},
            {"match": "x", "action": "status", "when": "now"},
            {"action": "status"},
        ],
    )
    def test_nonsense_is_refused(self, emulator, fault):
        with pytest.raises(RuntimeError):
            emulator.faults(fault)

    def test_times_are_counted_per_entry(self, client, emulator):
        emulator.faults(
            {"match": "GET /v1/customers$", "action": "status", "times": 1},
            {"match": "GET /v1/customers$", "action": "lock_timeout", "times": 1},
        )
        with pytest.raises(stripe.APIError):
            client.v1.customers.list()
        with pytest.raises(stripe.RateLimitError):
            client.v1.customers.list()
        client.v1.customers.list()


class TestRateLimiter:
    def test_off_by_default(self, client):
        for _ in range(40):
            client.v1.customers.list({"limit": 1})

    def test_limits_as_a_sandbox_does(self, client, emulator):
        emulator.post("rate_limit", {})

        def ask_often():
            for _ in range(200):
                client.v1.customers.list({"limit": 1})

        with pytest.raises(stripe.RateLimitError) as limited:
            ask_often()

        assert limited.value.json_body["error"]["code"] == "rate_limit"
