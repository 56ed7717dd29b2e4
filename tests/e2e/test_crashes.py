"""Any process killed with -9 during a batch, and started again by the supervisor."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests

from devstack.books import Figures
from devstack.hops import RESULT_TOPIC, Trace
from devstack.waiting import wait_until

BATCH = 100

PROCESSES = [
    "customer-web",
    "customer-relay",
    "customer-consumer",
    "payment-web",
    "payment-consumer",
    "payment-worker",
    "payment-beat",
    "payment-relay",
    "admin-web",
    "admin-consumer",
    "stripe-emulator",
    "postgres",
    "valkey",
    "kafka",
]


def pay_until_accepted(api, amount):
    """Repeat the request with the same key, as a client does whose connection broke."""
    key = str(uuid.uuid4())

    def accepted():
        try:
            return api.pay(amount=amount, currency="eur", idempotency_key=key)
        except (requests.ConnectionError, requests.HTTPError) as error:
            response = getattr(error, "response", None)
            if response is not None and response.status_code < 500:
                raise
            return None

    return wait_until(accepted, what="the API to accept a payment", seconds=60, every=0.2)


def settled_payment(api, payment_id):
    def answered():
        try:
            payment = api.get_payment(payment_id).json()
        except (requests.ConnectionError, requests.JSONDecodeError):
            return None
        return payment if payment.get("status", "requested") != "requested" else None

    return wait_until(answered, what=f"payment {payment_id}", seconds=180, every=0.2)


@pytest.fixture
def customers(ada, grace):
    return ada, grace


def pay_batch(customers, *, half_way):
    """Take a hundred payments of different amounts, and call `half_way` while they go on."""

    def pay(number):
        if number == BATCH // 2:
            killing.append(pool.submit(half_way))
        customer = customers[number % len(customers)]
        return customer, pay_until_accepted(customer, amount=1000 + number)

    killing = []
    with ThreadPoolExecutor(max_workers=5) as pool:
        accepted = list(pool.map(pay, range(BATCH)))
    killing[0].result()
    return [settled_payment(customer, payment["id"]) for customer, payment in accepted]


def results_at_the_customer(stack, payments):
    with closing(Trace(stack)) as trace:
        rows = trace.inbox("customer", [payment["correlation_id"] for payment in payments])
    return [row for row in rows if row["topic"] == RESULT_TOPIC and row["handled_at"]]


@pytest.mark.timeout(300)
class TestKilledDuringABatch:
    @pytest.mark.parametrize("process", PROCESSES)
    def test_every_payment_is_charged_once_and_counted(self, stack, customers, books, process):
        if process == "kafka" and not stack.kafka_keeps_records:
            pytest.skip("The embedded Kafka is in memory only: run with --kafka=apache.")
        if process not in stack.supervisor.names():
            pytest.skip(f"{process} runs elsewhere: its variable is set.")
        stack.wait_until_settled()
        before = books.read()
        killed = []

        payments = pay_batch(customers, half_way=lambda: killed.append(stack.kill(process)))

        stack.wait_until_restarted(process, killed=killed[0])
        stack.wait_until_settled(seconds=60)
        expected = Figures()
        for number in range(BATCH):
            expected.add("succeeded", 1000 + number, "eur")
        assert [payment["status"] for payment in payments] == ["succeeded"] * BATCH
        assert books.check(before=before, expected=expected, seconds=60) == []
        assert len(results_at_the_customer(stack, payments)) == BATCH
