from datetime import UTC, datetime
from itertools import permutations
from uuid import UUID, uuid4

import pytest

from customer_project.idempotency.models import IdempotencyKey
from customer_project.payments import handlers
from customer_project.payments.models import Payment, PaymentEvent, SavedCard
from kafka_bridge.contracts import (
    Dispute,
    PaymentStatus,
    PaymentUpdateRequested,
    Refund,
    SavedCardUpdated,
)
from kafka_bridge.contracts import SavedCard as SavedCardTold
from kafka_bridge.handlers import handler_of
from kafka_bridge.retention import purge
from tests.customer.conftest import (
    client_of,
    make_customer,
    merchant_client,
    post,
    published,
    rows,
    together,
)
from tests.customer.test_payments import answered

ACTIONS = ("confirm", "capture", "cancel", "refunds")


def make_payment(customer, **fields):
    """A payment in any state, as events would have made it."""
    payment = Payment.objects.get(id=post(client_of(customer)).json()["id"])
    Payment.objects.filter(id=payment.id).update(
        **{"payment_intent_id": "pi_1", "revision": 1, **fields}
    )
    payment.refresh_from_db()
    return payment


@pytest.fixture
def authorised(ada):
    return make_payment(ada, status=PaymentStatus.REQUIRES_CAPTURE)


@pytest.fixture
def captured(ada):
    return make_payment(ada, status=PaymentStatus.SUCCEEDED, amount_captured=1999)


def ask(client, payment, action, body=None, *, key=""):
    headers = {} if key is None else {"Idempotency-Key": key or str(uuid4())}
    return client.post(f"/api/payments/{payment.id}/{action}/", body or {}, headers=headers)


def code(response):
    return response.json()["errors"][0]["code"]


class TestAccepted:
    @pytest.mark.parametrize(
        ("action", "state", "body", "told"),
        [
            ("confirm", {"status": "requires_action"}, {}, {"action": "confirm"}),
            (
                "confirm",
                {"status": "requires_payment_method", "error_code": "authentication_required"},
                {"return_url": "https://shop.example/back"},
                {"action": "confirm", "return_url": "https://shop.example/back"},
            ),
            ("capture", {"status": "requires_capture"}, {}, {"action": "capture", "amount": None}),
            (
                "capture",
                {"status": "requires_capture"},
                {"amount": 1999},
                {"action": "capture", "amount": 1999},
            ),
            (
                "cancel",
                {"status": "requires_capture"},
                {"reason": "abandoned"},
                {"action": "cancel", "reason": "abandoned"},
            ),
            (
                "refunds",
                {"status": "succeeded", "amount_captured": 1999, "amount_refunded": 999},
                {"amount": 1000, "reason": "duplicate"},
                {"action": "refund", "amount": 1000, "reason": "duplicate"},
            ),
        ],
        ids=str,
    )
    def test_is_published_once_and_in_the_history(
        self,
        merchant,
        ada,
        *,
        action,
        state,
        body,
        told,
    ):
        payment = make_payment(ada, **state)

        response = ask(merchant, payment, action, body)

        event = published()[-1]
        assert response.status_code == 202
        assert response["Location"] == f"/api/payments/{payment.id}/"
        assert response.json() == {
            "id": str(event.event_id),
            "payment": str(payment.id),
            "action": event.action,
            "amount": event.amount,
            "revision": 1,
        }
        assert isinstance(event, PaymentUpdateRequested)
        assert (event.customer_id, event.payment_id) == (str(ada.id), payment.id)
        assert event.payment_intent_id == "pi_1"
        assert event.correlation_id == payment.correlation_id
        assert {name: getattr(event, name) for name in told} == told
        last = merchant.get(f"/api/payments/{payment.id}/events/").json()[-1]
        assert (last["event_id"], last["what"]) == (str(event.event_id), event.action)
        assert last["source"].startswith("merchant:")
        assert last["amount"] == event.amount

    @pytest.mark.parametrize("status", ["requires_payment_method", "requires_action"])
    def test_customers_give_up_what_is_not_authorised(self, api, ada, status):
        payment = make_payment(ada, status=status)

        assert ask(api, payment, "cancel").status_code == 202


class TestRefused:
    @pytest.fixture(autouse=True)
    def nothing_written(self, request, ada, grace_api, merchant):
        for name in ("authorised", "captured"):
            request.getfixturevalue(name)
        before = rows()
        yield
        assert rows() == before

    @pytest.mark.parametrize(
        ("action", "body"), [("capture", {}), ("capture", {"amount": 50}), ("cancel", {})]
    )
    def test_what_customers_would_do_with_what_is_authorised(self, api, authorised, action, body):
        response = ask(api, authorised, action, body)

        assert (response.status_code, code(response)) == (403, "permission_denied")

    def test_what_is_confirmed_already(self, api, authorised):
        assert code(ask(api, authorised, "confirm")) == "nothing_to_confirm"

    def test_what_customers_would_take_back(self, api, captured):
        response = ask(api, captured, "refunds")

        assert (response.status_code, code(response)) == (403, "scope_missing")

    @pytest.mark.parametrize(
        ("action", "payment", "expected"),
        [
            ("confirm", "captured", "nothing_to_confirm"),
            ("capture", "captured", "nothing_to_capture"),
            ("cancel", "captured", "payment_is_final"),
            ("refunds", "authorised", "nothing_to_refund"),
        ],
    )
    def test_what_makes_no_sense_there(self, request, merchant, action, payment, expected):
        response = ask(merchant, request.getfixturevalue(payment), action)

        assert (response.status_code, code(response)) == (409, expected)

    def test_canceling_what_stripe_does_not_know_yet(self, merchant, authorised):
        Payment.objects.filter(id=authorised.id).update(
            status=PaymentStatus.REQUESTED, payment_intent_id=""
        )

        response = ask(merchant, authorised, "cancel")

        assert (response.status_code, code(response)) == (409, "not_answered_yet")

    @pytest.mark.parametrize("amount", [2000, 10**12, 0, -1, 1.5, "1", True, None])
    @pytest.mark.parametrize(
        ("action", "name"), [("capture", "authorised"), ("refunds", "captured")]
    )
    def test_amounts(self, request, merchant, action, name, amount):
        response = ask(merchant, request.getfixturevalue(name), action, {"amount": amount})

        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] == "amount"
        if amount == 2000:
            assert code(response) == "amount_too_large"

    def test_a_refund_of_more_than_is_left(self, merchant, captured):
        Payment.objects.filter(id=captured.id).update(amount_refunded=1000)

        assert code(ask(merchant, captured, "refunds", {"amount": 1000})) == "amount_too_large"

    def test_a_refund_of_what_went_back(self, merchant, captured):
        Payment.objects.filter(id=captured.id).update(amount_refunded=1999)

        assert code(ask(merchant, captured, "refunds")) == "nothing_to_refund"

    def test_a_thousandth_that_cannot_be(self, merchant, captured):
        Payment.objects.filter(id=captured.id).update(currency="kwd")

        assert ask(merchant, captured, "refunds", {"amount": 1001}).status_code == 400

    @pytest.mark.parametrize(
        ("action", "body"),
        [
            ("cancel", {"reason": "because"}),
            ("refunds", {"reason": "abandoned"}),
            ("confirm", {"return_url": "https://elsewhere.example/"}),
            ("capture", []),
        ],
        ids=str,
    )
    def test_nonsense(self, merchant, authorised, action, body):
        response = merchant.post(
            f"/api/payments/{authorised.id}/{action}/", body, headers={"Idempotency-Key": "k"}
        )

        assert response.status_code == 400

    @pytest.mark.parametrize("action", ACTIONS)
    def test_without_a_key(self, merchant, authorised, action):
        response = ask(merchant, authorised, action, key=None)

        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] == "Idempotency-Key"

    @pytest.mark.parametrize("action", ["confirm", "capture", "cancel", "events"])
    def test_somebody_elses_does_not_exist(self, grace_api, authorised, action):
        method = grace_api.get if action == "events" else grace_api.post

        response = method(
            f"/api/payments/{authorised.id}/{action}/", headers={"Idempotency-Key": "k"}
        )

        assert response.status_code == 404


class TestIdempotencyKey:
    def test_a_repetition_has_the_same_answer_whatever_happened_since(self, merchant, authorised):
        first = ask(merchant, authorised, "capture", {"amount": 500}, key="k")
        Payment.objects.update(status=PaymentStatus.SUCCEEDED, amount_captured=500, revision=2)

        again = ask(merchant, authorised, "capture", {"amount": 500}, key="k")

        assert (again.status_code, again.content) == (202, first.content)
        assert again["Location"] == first["Location"]
        assert len(published()) == 2

    def test_a_key_is_good_for_one_address_and_body(self, merchant, authorised):
        ask(merchant, authorised, "capture", {"amount": 500}, key="k")

        assert ask(merchant, authorised, "capture", {"amount": 501}, key="k").status_code == 422
        assert ask(merchant, authorised, "cancel", key="k").status_code == 422
        assert len(published()) == 2

    def test_a_conflict_does_not_use_up_its_key(self, merchant, authorised):
        assert ask(merchant, authorised, "refunds", key="k").status_code == 409
        Payment.objects.update(status=PaymentStatus.SUCCEEDED, amount_captured=1999)

        assert ask(merchant, authorised, "refunds", key="k").status_code == 202

    def test_keys_are_kept_as_long_as_events(self, merchant, authorised, settings):
        settings.KAFKA_BRIDGE_RETENTION_DAYS = 0
        ask(merchant, authorised, "capture", key="k")

        purge()

        assert IdempotencyKey.objects.count() == 0


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_two_refunds_with_one_key_are_one(self):
        payment = make_payment(make_customer("ada"), status="succeeded", amount_captured=1999)
        client = merchant_client()

        def refund():
            other = type(client)()
            other._credentials = client._credentials
            return ask(other, payment, "refunds", {"amount": 1999}, key="k")

        responses = together([refund] * 6)

        assert [response.status_code for response in responses] == [202] * 6
        assert len({response.content for response in responses}) == 1
        assert [event.action for event in published()[1:]] == ["refund"]


GONE = datetime(2026, 11, 22, 11, tzinfo=UTC)


def card_update(customer, card, **fields):
    about = {"customer_id": str(customer.id), "payment_method_id": card.payment_method_id}
    return SavedCardUpdated(**{**about, "card": card, **fields})


class TestProjection:
    REFUND = Refund(refund_id=uuid4(), stripe_refund_id="re_1", amount=500, status="succeeded")
    AT_STRIPE = Refund(stripe_refund_id="re_2", amount=100, status="pending", reason="fraudulent")
    DISPUTE = Dispute(dispute_id="du_1", amount=1999, status="needs_response", reason="fraudulent")
    CARD = SavedCardTold(
        payment_method_id="pm_1", brand="visa", last4="4242", exp_month=12, exp_year=2030
    )

    def test_shows_refunds_disputes_and_what_is_left(self, api, authorised):
        handlers.move_payments_on(
            [
                answered(
                    authorised,
                    revision=2,
                    amount_captured=1500,
                    amount_refunded=600,
                    dispute_status="needs_response",
                    refunds=(self.REFUND, self.AT_STRIPE),
                    disputes=(self.DISPUTE,),
                )
            ]
        )

        shown = api.get(f"/api/payments/{authorised.id}/").json()

        assert (shown["amount_captured"], shown["amount_refunded"]) == (1500, 600)
        assert shown["dispute_status"] == "needs_response"
        assert shown["refunds"] == [
            {
                "id": str(self.REFUND.refund_id),
                "stripe_refund_id": "re_1",
                "amount": 500,
                "status": "succeeded",
                "reason": None,
                "error": None,
            },
            {
                "id": None,
                "stripe_refund_id": "re_2",
                "amount": 100,
                "status": "pending",
                "reason": "fraudulent",
                "error": None,
            },
        ]
        assert shown["disputes"] == [
            {"id": "du_1", "amount": 1999, "status": "needs_response", "reason": "fraudulent"}
        ]

    def test_older_news_change_nothing_but_the_history(self, api, authorised):
        handlers.move_payments_on([answered(authorised, revision=3, amount_refunded=600)])
        handlers.move_payments_on([answered(authorised, revision=2, amount_refunded=100)])

        shown = api.get(f"/api/payments/{authorised.id}/").json()
        history = api.get(f"/api/payments/{authorised.id}/events/").json()

        assert (shown["revision"], shown["amount_refunded"]) == (3, 600)
        assert [(line["what"], line["revision"]) for line in history] == [
            ("requested", 0),
            ("answered", 3),
            ("answered", 2),
        ]

    def test_history_has_each_event_once(self, authorised):
        event = answered(authorised, revision=2)

        handlers.move_payments_on([event])
        handlers.move_payments_on([event])

        assert PaymentEvent.objects.filter(payment=authorised).count() == 2

    def test_a_saved_card_is_listed_once_and_for_its_customer_only(
        self, api, grace_api, merchant, ada, authorised
    ):
        for revision in (2, 3):
            handlers.move_payments_on(
                [answered(authorised, revision=revision, saved_card=self.CARD)]
            )

        [card] = api.get("/api/payment-methods/").json()["results"]
        assert card.pop("saved_at")
        assert card == {
            "id": "pm_1",
            "customer": str(ada.id),
            "brand": "visa",
            "last4": "4242",
            "exp_month": 12,
            "exp_year": 2030,
        }
        assert grace_api.get("/api/payment-methods/").json()["results"] == []
        of_ada = merchant.get(f"/api/payment-methods/?customer={ada.id}").json()["results"]
        of_nobody = merchant.get(f"/api/payment-methods/?customer={uuid4()}").json()["results"]
        assert (len(of_ada), len(of_nobody)) == (1, 0)

    def test_a_card_saved_with_a_payment_that_is_not_ours_is_not_kept(self, api, authorised):
        handlers.move_payments_on(
            [answered(authorised, payment_id=UUID(int=7), saved_card=self.CARD)]
        )

        assert api.get("/api/payment-methods/").json()["results"] == []

    @pytest.mark.parametrize("order", list(permutations(range(4))))
    def test_what_is_told_of_a_card_ends_alike_in_any_order(self, api, ada, authorised, order):
        replaced = self.CARD.model_copy(update={"exp_year": 2044})
        told = [
            answered(authorised, revision=2, saved_card=self.CARD),
            answered(authorised, revision=3, saved_card=self.CARD),
            card_update(ada, replaced, revision=7),
            card_update(ada, replaced, revision=8, detached_at=GONE),
        ]

        for number in order:
            handler_of(type(told[number])).record([told[number]])

        card = SavedCard.objects.get()
        assert (card.exp_year, card.detached_at, card.revision) == (2044, GONE, 8)
        assert (card.customer, bool(card.saved_at)) == (ada, True)
        assert api.get("/api/payment-methods/").json()["results"] == []

    def test_a_card_replaced_by_its_bank_shows_its_new_date(self, api, ada, authorised):
        replaced = self.CARD.model_copy(update={"exp_year": 2044})
        handlers.note_changed_cards([card_update(ada, replaced, revision=7)])
        assert api.get("/api/payment-methods/").json()["results"] == []

        handlers.move_payments_on([answered(authorised, revision=2, saved_card=self.CARD)])

        [card] = api.get("/api/payment-methods/").json()["results"]
        assert (card["id"], card["exp_year"]) == ("pm_1", 2044)

    @pytest.mark.parametrize("customer_id", ["a customer", "019aacb1-0000-7d3e-a111-9b8a7c6d5e4f"])
    def test_cards_of_customers_of_others_are_not_kept(self, ada, customer_id):
        handlers.note_changed_cards(
            [card_update(ada, self.CARD, revision=1, customer_id=customer_id)]
        )

        assert not SavedCard.objects.exists()

    def test_a_plain_producers_success_is_captured(self, authorised):
        handlers.move_payments_on([answered(authorised, revision=2)])

        authorised.refresh_from_db()
        assert authorised.amount_captured == authorised.amount
