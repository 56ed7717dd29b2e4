import itertools
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customer_project.payments import handlers
from customer_project.payments.filters import NewestFirst
from customer_project.payments.models import Payment
from kafka_bridge.contracts import CardPaymentAnswered, PaymentStatus
from tests.customer.conftest import client_of, make_customer, post

NEXT_ACTION = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/1"}}


@pytest.fixture
def payment(api):
    return Payment.objects.get(id=post(api).json()["id"])


def answered(payment, **fields):
    """What the payment service says of a payment."""
    defaults = {
        "customer_id": str(payment.customer_id),
        "payment_id": payment.id,
        "payment_intent_id": "pi_1",
        "status": PaymentStatus.SUCCEEDED,
        "success": True,
        "amount": payment.amount,
        "currency": payment.currency,
        "revision": 1,
    }
    return CardPaymentAnswered(**{**defaults, **fields})


def make_payments(customer, count):
    now = timezone.now() - timedelta(days=1)
    Payment.objects.bulk_create(
        Payment(
            customer=customer,
            correlation_id=UUID(int=number),
            amount=number + 1,
            currency="eur",
            created_at=now + timedelta(seconds=number),
            updated_at=now,
        )
        for number in range(count)
    )


class TestShow:
    def test_shows_the_payment_as_it_is_now(self, api, payment):
        handlers.move_payments_on([answered(payment, client_secret="pi_1_secret_2")])

        shown = api.get(f"/api/payments/{payment.id}/").json()

        assert shown["status"] == "succeeded"
        assert shown["payment_intent_id"] == "pi_1"
        assert shown["client_secret"] == "pi_1_secret_2"
        assert shown["requires_action"] is False
        assert shown["revision"] == 1
        assert shown["error_code"] == shown["decline_code"] == shown["error_message"] == ""

    def test_shows_what_the_browser_needs_for_3d_secure(self, api, payment):
        handlers.move_payments_on(
            [
                answered(
                    payment,
                    status=PaymentStatus.REQUIRES_ACTION,
                    requires_action=True,
                    client_secret="pi_1_secret_2",
                    next_action=NEXT_ACTION,
                )
            ]
        )

        shown = api.get(f"/api/payments/{payment.id}/").json()

        assert shown["requires_action"] is True
        assert shown["client_secret"] == "pi_1_secret_2"
        assert shown["next_action"] == NEXT_ACTION

    def test_another_customers_payment_does_not_exist(self, grace_api, payment):
        response = grace_api.get(f"/api/payments/{payment.id}/")

        assert response.status_code == 404
        assert response.json()["errors"][0]["code"] == "not_found"
        assert grace_api.get("/api/payments/").json()["results"] == []

    def test_costs_two_statements(self, api, payment):
        with CaptureQueriesContext(connection) as captured:
            api.get(f"/api/payments/{payment.id}/")

        assert len(captured) == 2, captured.captured_queries


class TestList:
    def test_newest_come_first_page_by_page_and_none_is_missed(self, api, ada):
        count = 2 * NewestFirst.page_size + 5
        make_payments(ada, count)

        pages, url = [], "/api/payments/"
        while url:
            page = api.get(url).json()
            pages.append([payment["amount"] for payment in page["results"]])
            url = page["next"]

        assert [len(page) for page in pages] == [NewestFirst.page_size, NewestFirst.page_size, 5]
        assert list(itertools.chain(*pages)) == list(range(count, 0, -1))

    def test_pages_stay_put_while_payments_come_in(self, api, ada):
        make_payments(ada, NewestFirst.page_size + 1)
        first = api.get("/api/payments/").json()
        post(api)

        second = api.get(first["next"]).json()

        assert [payment["amount"] for payment in second["results"]] == [1]

    @pytest.mark.parametrize("cursor", ["nonsense", "cD0", "x" * 2000])
    def test_nonsense_as_a_page_is_refused(self, api, cursor):
        response = api.get(f"/api/payments/?cursor={cursor}")

        assert response.status_code == 404
        assert response.json()["type"] == "client_error"

    def test_costs_two_statements_however_many_there_are(self, api, ada):
        make_payments(ada, NewestFirst.page_size)

        with CaptureQueriesContext(connection) as captured:
            api.get("/api/payments/")

        assert len(captured) == 2, captured.captured_queries


class TestFilters:
    @pytest.fixture(autouse=True)
    def payments(self, ada):
        make_payments(ada, 5)  # amounts 1 to 5, a second apart
        Payment.objects.filter(amount=2).update(status="succeeded")
        Payment.objects.filter(amount=3).update(currency="usd")

    def amounts(self, api, **query):
        return [one["amount"] for one in api.get("/api/payments/", query).json()["results"]]

    def test_each_narrows_and_all_must_hold(self, api):
        assert self.amounts(api, status="succeeded") == [2]
        assert self.amounts(api, currency="USD") == [3]
        assert self.amounts(api, amount_min=2, amount_max=4) == [4, 3, 2]
        assert self.amounts(api, amount_min=2, currency="eur", status="requested") == [5, 4]

    def test_of_creation_from_is_within_and_before_is_not(self, api):
        third = Payment.objects.get(amount=3).created_at.isoformat()

        assert self.amounts(api, created_from=third) == [5, 4, 3]
        assert self.amounts(api, created_before=third) == [2, 1]

    def test_customers_see_their_own_whatever_they_ask_for(self, grace_api, ada):
        assert self.amounts(grace_api, customer=str(ada.id)) == []

    @pytest.mark.parametrize(
        "query",
        ["status=paid", "currency=xxq", "created_from=yesterday", "amount_min=1.5", "customer=ada",
         "amount_max=-1", "amount_min=99999999999999999999"],
    )  # fmt: skip
    def test_nonsense_is_refused(self, api, query):
        response = api.get(f"/api/payments/?{query}")

        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] == query.partition("=")[0]


class TestMovePaymentsOn:
    def test_a_decline_is_shown_with_its_codes(self, payment):
        handlers.move_payments_on(
            [
                answered(
                    payment,
                    status=PaymentStatus.REQUIRES_PAYMENT_METHOD,
                    success=False,
                    error="Your card was declined.",
                    error_code="card_declined",
                    decline_code="generic_decline",
                )
            ]
        )

        payment.refresh_from_db()
        assert payment.status == "requires_payment_method"
        assert payment.error_message == "Your card was declined."
        assert (payment.error_code, payment.decline_code) == ("card_declined", "generic_decline")

    def test_newer_replaces_older(self, payment):
        handlers.move_payments_on(
            [answered(payment, status=PaymentStatus.REQUIRES_ACTION, next_action=NEXT_ACTION)]
        )
        handlers.move_payments_on([answered(payment, revision=2)])

        payment.refresh_from_db()
        assert (payment.status, payment.revision) == ("succeeded", 2)
        assert payment.next_action is None

    def test_older_changes_nothing(self, payment):
        handlers.move_payments_on([answered(payment, revision=2)])
        payment.refresh_from_db()
        before = vars(payment).copy()

        handlers.move_payments_on([answered(payment, status=PaymentStatus.PROCESSING)])

        payment.refresh_from_db()
        assert {**vars(payment), "_state": None} == {**before, "_state": None}

    def test_a_repetition_changes_nothing(self, payment):
        event = answered(payment, revision=3)
        handlers.move_payments_on([event])
        payment.refresh_from_db()
        updated_at = payment.updated_at

        handlers.move_payments_on([event])

        payment.refresh_from_db()
        assert (payment.updated_at, payment.revision) == (updated_at, 3)

    def test_what_the_customer_asked_stays(self, payment):
        handlers.move_payments_on([answered(payment, amount=1, currency="usd")])

        asked = (payment.amount, payment.currency, payment.metadata, payment.created_at)
        payment.refresh_from_db()
        assert (payment.amount, payment.currency, payment.metadata, payment.created_at) == asked

    def test_an_answer_of_a_plain_producer_has_no_revision(self, payment):
        handlers.move_payments_on([answered(payment, revision=None)])

        payment.refresh_from_db()
        assert (payment.status, payment.revision) == ("succeeded", 1)

    def test_a_payment_that_is_not_ours_is_ignored(self, payment):
        handlers.move_payments_on([answered(payment, payment_id=UUID(int=7))])

        assert Payment.objects.get().status == "requested"

    def test_a_batch_moves_each_customers_payment(self, db):
        payments = [
            Payment.objects.get(id=post(client_of(make_customer(name))).json()["id"])
            for name in ("anna", "berta", "clara")
        ]

        with CaptureQueriesContext(connection) as captured:
            handlers.move_payments_on([answered(payment) for payment in payments])

        # whose they are; the payments; their history; their customers' e-mails
        assert len(captured) == 4, captured.captured_queries
        assert set(Payment.objects.values_list("status", flat=True)) == {"succeeded"}
