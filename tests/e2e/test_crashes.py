"""Processes of any kind killed with -9 during a batch, and started again by the supervisor."""

import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests
import valkey

from devstack.books import Figures
from devstack.hops import RESULT_TOPIC, Trace
from devstack.launch import read_env
from devstack.waiting import wait_until

BATCH = 100

PROCESSES = {
    "web": ("customer-web", "payment-web", "admin-web"),
    "relay": ("customer-relay", "payment-relay"),
    "consumer": ("customer-consumer", "payment-consumer", "admin-consumer"),
    "worker": ("payment-worker", "payment-beat"),
    "stripe": ("stripe-emulator",),
}
"""By kind: all of a kind die at once."""
SERVERS = ("postgres", "valkey", "kafka")


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
    @pytest.mark.parametrize("kind", PROCESSES)
    def test_every_payment_is_charged_once_and_counted(self, stack, customers, books, kind):
        if not set(PROCESSES[kind]) <= set(stack.supervisor.names()):
            pytest.skip(f"{kind} runs elsewhere: its variable is set.")
        stack.wait_until_settled()
        before = books.read()
        killed = {}

        def kill_all():
            killed.update({process: stack.kill(process) for process in PROCESSES[kind]})

        payments = pay_batch(customers, half_way=kill_all)

        for process, pid in killed.items():
            stack.wait_until_restarted(process, killed=pid)
        stack.wait_until_settled(seconds=60)
        expected = Figures()
        for number in range(BATCH):
            expected.add("succeeded", 1000 + number, "eur")
        assert [payment["status"] for payment in payments] == ["succeeded"] * BATCH
        assert books.check(before=before, expected=expected, seconds=60) == []
        assert len(results_at_the_customer(stack, payments)) == BATCH


def pay_until(done, customers):
    """Take payments of different amounts, five at once, until `done` says so; at least a batch."""
    numbers = itertools.count()

    def pay(customer):
        accepted = []
        while (number := next(numbers)) < BATCH or not done():
            accepted.append((customer, pay_until_accepted(customer, amount=1000 + number)))
        return accepted

    with ThreadPoolExecutor(max_workers=5) as pool:
        accepted = list(
            itertools.chain(*pool.map(pay, itertools.islice(itertools.cycle(customers), 5)))
        )
    return [settled_payment(customer, payment["id"]) for customer, payment in accepted]


def service_processes(stack):
    names = stack.supervisor.names()
    return {name: stack.supervisor.pid(name) for name in names if name not in SERVERS}


@pytest.mark.timeout(300)
class TestServersRestartedInOneRun:
    """PostgreSQL, Valkey with all its data lost, and Kafka, one after the other, under payments."""

    def restart(self, stack, server):
        if server not in stack.supervisor.names():
            pytest.skip(f"{server} runs elsewhere: its variable is set.")
        killed = stack.kill(server)
        stack.wait_until_restarted(server, killed=killed)

    def lose_all_hints(self, stack):
        variables = read_env(str(stack.env_file("payment")))
        with closing(valkey.from_url(variables["CELERY_BROKER_URL"])) as client:
            client.flushall()
            client.config_set("save", "")

    def test_no_process_ends_and_no_payment_is_lost_or_made_twice(self, stack, customers, books):
        stack.wait_until_settled()
        before, processes = books.read(), service_processes(stack)

        def restart_all():
            self.restart(stack, "postgres")
            self.lose_all_hints(stack)
            self.restart(stack, "valkey")
            if stack.kafka_keeps_records:
                self.restart(stack, "kafka")

        with ThreadPoolExecutor() as pool:
            restarting = pool.submit(restart_all)
            payments = pay_until(restarting.done, customers)
            restarting.result()

        stack.wait_until_settled(seconds=90)
        expected = Figures()
        for payment in payments:
            expected.add("succeeded", payment["amount"], "eur")
        assert {payment["status"] for payment in payments} == {"succeeded"}
        assert books.check(before=before, expected=expected, seconds=60) == []
        assert len(results_at_the_customer(stack, payments)) == len(payments)
        assert service_processes(stack) == processes
