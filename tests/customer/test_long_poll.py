import threading
import time
from uuid import uuid4

import pytest
from django.db import connection

from customer_project.payments import api as payments_api
from customer_project.payments import handlers
from customer_project.payments.models import Payment
from devstack.waiting import wait_until
from tests.customer.conftest import client_of, make_customer, post
from tests.customer.test_payments import answered


@pytest.fixture
def ada(transactional_db):
    return make_customer("ada")


@pytest.fixture
def api(ada):
    return client_of(ada)


@pytest.fixture
def payment(api):
    return Payment.objects.get(id=post(api).json()["id"])


class Asking(threading.Thread):
    """A request in a thread of its own."""

    def __init__(self, customer, payment, query):
        super().__init__()
        self.client, self.url = client_of(customer), f"/api/payments/{payment.id}/?{query}"
        self.seconds = 0.0
        self.start()

    def run(self):
        started = time.monotonic()
        try:
            self.response = self.client.get(self.url)
        finally:
            connection.close()
        self.seconds = time.monotonic() - started

    def answer(self):
        self.join()
        return self.response.json()


def waiting():
    return len(payments_api._payments._waits)


class TestWait:
    def test_ends_when_the_payment_moves_on(self, ada, payment):
        asking = [Asking(ada, payment, "wait=30") for _ in range(3)]
        wait_until(lambda: waiting() == 3, what="three requests to wait")

        handlers.move_payments_on([answered(payment)])

        assert [one.answer()["status"] for one in asking] == ["succeeded"] * 3
        assert max(one.seconds for one in asking) < 20
        wait_until(lambda: not waiting(), what="nobody to wait")

    def test_ends_when_the_time_is_over(self, api, payment):
        started = time.monotonic()

        shown = api.get(f"/api/payments/{payment.id}/?wait=0.3").json()

        assert shown["revision"] == 0
        assert 0.3 <= time.monotonic() - started < 20

    def test_what_is_past_the_known_revision_is_shown_at_once(self, api, payment):
        handlers.move_payments_on([answered(payment, revision=2)])
        started = time.monotonic()

        shown = api.get(f"/api/payments/{payment.id}/?wait=30&revision=1").json()

        assert shown["revision"] == 2
        assert time.monotonic() - started < 20

    def test_other_payments_wake_nobody(self, ada, api, payment):
        other = Payment.objects.get(id=post(api).json()["id"])
        asking = Asking(ada, payment, "wait=1")
        wait_until(waiting, what="the request to wait")

        handlers.move_payments_on([answered(other)])

        assert asking.answer()["revision"] == 0
        assert asking.seconds >= 1

    def test_more_than_may_wait_are_answered_at_once(self, ada, api, payment, settings):
        settings.LONG_POLLS = 1
        asking = Asking(ada, payment, "wait=30")
        wait_until(waiting, what="the first request to wait")
        started = time.monotonic()

        response = api.get(f"/api/payments/{payment.id}/?wait=30")

        assert response.json()["revision"] == 0
        assert response["Retry-After"] == "1"
        assert time.monotonic() - started < 20
        handlers.move_payments_on([answered(payment)])
        assert asking.answer()["revision"] == 1

    @pytest.mark.parametrize(
        "query", ["wait=x", "wait=-1", "wait=nan", "wait=1&revision=x", "revision=-1"]
    )
    def test_nonsense_is_refused(self, api, payment, query):
        assert api.get(f"/api/payments/{payment.id}/?{query}").status_code == 400

    def test_payment_that_is_none(self, api):
        assert api.get(f"/api/payments/{uuid4()}/?wait=30").status_code == 404
