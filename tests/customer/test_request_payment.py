from functools import partial
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customer_project.payments.models import Payment
from kafka_bridge.contracts import CardPaymentRequested, PaymentStatus
from kafka_bridge.models import OutboxEvent
from tests.customer.conftest import GOOD, client_of, make_customer, post, published, rows, together

FULL = {
    **GOOD,
    "return_url": "https://shop.example/back?order=7",
    "description": "Order 7: ça marche ✓",
    "metadata": {"order": "7", "empty": ""},
}


def statements(captured):
    """What went to the database, but for the beginning and the end of transactions."""
    return [
        query["sql"].split()[0]
        for query in captured.captured_queries
        if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))
    ]


class TestAccepted:
    def test_answer_says_what_was_accepted_and_where_to_look(self, api):
        response = post(api, FULL)

        body = response.json()
        assert response.status_code == 202
        assert response["Location"] == f"/api/payments/{body['id']}/"
        assert body == {
            "id": body["id"],
            "status": "requested",
            "amount": 1999,
            "currency": "eur",
            "correlation_id": body["correlation_id"],
            "created_at": body["created_at"],
        }
        assert api.get(response["Location"]).json()["status"] == "requested"

    def test_payment_history_key_and_event_are_written(self, api, ada):
        before = rows()

        response = post(api, FULL)

        written = {table: count - before[table] for table, count in rows().items()}
        assert {table: count for table, count in written.items() if count} == {
            "payments.Payment": 1,
            "payments.PaymentEvent": 1,
            "idempotency.IdempotencyKey": 1,
            "kafka_bridge.OutboxEvent": 1,
        }
        payment = Payment.objects.get(id=response.json()["id"])
        assert payment.customer == ada
        assert (payment.amount, payment.currency) == (1999, "eur")
        assert payment.metadata == FULL["metadata"]

    def test_the_event_says_all_that_the_payment_service_needs(self, api, ada):
        response = post(api, FULL)

        [event] = published()
        payment = Payment.objects.get()
        assert isinstance(event, CardPaymentRequested)
        assert event.customer_id == str(ada.id)
        assert event.payment_id == payment.id
        assert event.correlation_id == UUID(response.json()["correlation_id"])
        assert (event.amount, event.currency) == (1999, "eur")
        assert event.payment_method_id == "pm_card_visa"
        assert event.payment_options.return_url == FULL["return_url"]
        assert event.payment_options.description == FULL["description"]
        assert (event.customer_info.name, event.customer_info.email) == ("Ada", "ada@example.com")
        assert event.metadata == FULL["metadata"]
        assert event.timestamp == payment.created_at

    def test_the_record_is_keyed_by_the_customer(self, api, ada):
        post(api)

        assert OutboxEvent.objects.get().key == str(ada.id)

    @pytest.mark.parametrize(
        ("currency", "amount"),
        [("EUR", 50), ("jpy", 50), ("kwd", 1230), ("usd", 99_999_999), ("inr", 999_999_999_999)],
    )
    def test_every_kind_of_currency(self, api, currency, amount):
        response = post(api, {**GOOD, "currency": currency, "amount": amount})

        assert response.status_code == 202
        assert published()[0].currency == currency.lower()
        assert published()[0].amount == amount

    def test_how_it_is_to_be_paid_is_passed_on(self, api):
        body = {"amount": 1999, "currency": "eur", "confirmation_token": "ctoken_1"}

        response = post(api, {**body, "capture_method": "manual", "save_card": True})

        [event] = published()
        options = event.payment_options
        assert response.status_code == 202
        assert (event.payment_method_id, event.confirmation_token) == (None, "ctoken_1")
        assert (options.capture_method, options.save_card) == ("manual", True)
        assert api.get(response["Location"]).json()["capture_method"] == "manual"

    def test_longest_metadata(self, api):
        metadata = {f"{number:040}": "ü" * 500 for number in range(40)}

        assert post(api, {**GOOD, "metadata": metadata}).status_code == 202
        assert published()[0].metadata == metadata

    def test_costs_five_statements(self, api):
        with CaptureQueriesContext(connection) as captured:
            post(api, FULL)

        # who asks; the idempotency key; the payment; its history; locks on the outbox's key, the
        # outbox row and NOTIFY in one round trip
        assert statements(captured) == ["SELECT", "INSERT", "INSERT", "INSERT", "SELECT"]


class TestIdempotencyKey:
    def test_same_request_has_the_same_answer_byte_for_byte(self, api):
        first = post(api, FULL, key="k")
        Payment.objects.update(status=PaymentStatus.SUCCEEDED, revision=1)

        again = post(api, FULL, key="k")

        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again["Location"] == first["Location"]
        assert len(published()) == 1

    def test_order_of_fields_and_case_of_the_currency_are_no_difference(self, api):
        first = post(api, FULL, key="k")

        again = post(api, {**dict(reversed(FULL.items())), "currency": "EUR"}, key="k")

        assert again.content == first.content

    @pytest.mark.parametrize(
        "difference",
        [
            {"amount": 2000},
            {"currency": "usd"},
            {"payment_method": "pm_card_mastercard"},
            {"return_url": "https://shop.example/other"},
            {"description": "Order 8"},
            {"metadata": {"order": "8"}},
        ],
        ids=str,
    )
    def test_another_request_with_the_same_key_is_refused(self, api, difference):
        post(api, FULL, key="k")
        before = rows()

        response = post(api, {**FULL, **difference}, key="k")

        assert response.status_code == 422
        assert response.json() == {
            "type": "client_error",
            "errors": [
                {
                    "code": "idempotency_key_reused",
                    "detail": response.json()["errors"][0]["detail"],
                    "attr": None,
                }
            ],
        }
        assert rows() == before

    def test_a_refused_request_does_not_use_up_its_key(self, api):
        assert post(api, {**GOOD, "amount": 1}, key="k").status_code == 400

        assert post(api, GOOD, key="k").status_code == 202

    def test_keys_of_two_customers_have_nothing_to_do_with_each_other(self, api, grace_api):
        mine, hers = post(api, GOOD, key="k"), post(grace_api, FULL, key="k")

        assert (mine.status_code, hers.status_code) == (202, 202)
        assert mine.json()["id"] != hers.json()["id"]


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def post_together(self, bodies):
        """Post each body from a thread of its own, all with one key."""
        customer = make_customer("ada")
        return together([partial(post, client_of(customer), body, key="k") for body in bodies])

    def test_two_clicks_are_one_payment(self):
        responses = self.post_together([GOOD] * 8)

        assert [response.status_code for response in responses] == [202] * 8
        assert len({response.content for response in responses}) == 1
        assert Payment.objects.count() == 1
        assert len(published()) == 1

    def test_of_two_requests_with_one_key_one_is_refused(self):
        responses = self.post_together([GOOD, {**GOOD, "amount": 2000}])

        assert sorted(response.status_code for response in responses) == [202, 422]
        assert Payment.objects.count() == 1
        assert len(published()) == 1
