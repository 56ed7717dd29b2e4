"""Webhooks: in any order, repeated, and in a lane that is not the payment's."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kafka_bridge.contracts import PaymentUpdateRequested
from payment_project.payments.models import Dispute, Payment, Refund
from tests.payment.conftest import asked, processed, published, received, updates

pytestmark = pytest.mark.django_db(transaction=True)


def visible(payment):
    """What is known of a payment, but for how often it changed."""
    (row,) = Payment.objects.filter(id=payment.id).values()
    refunds = Refund.objects.filter(payment=payment).order_by("stripe_refund_id")
    disputes = Dispute.objects.filter(payment=payment)
    changing = ("revision", "updated_at", "created_at")
    return (
        {name: value for name, value in row.items() if name not in changing},
        list(refunds.values_list("stripe_refund_id", "amount", "status")),
        list(disputes.values_list("id", "amount", "status")),
    )


class TestDisputes:
    @pytest.mark.parametrize("outcome", ["won", "lost"])
    def test_opened_and_decided(self, handle, at_stripe, paid, outcome):
        payment = paid()

        def deliver(kind):
            (event,) = [e for e in at_stripe.events_of(payment) if e["type"] == kind]
            handle(received(event, customer_id=payment.customer_id))

        opened = at_stripe.dispute(payment)
        deliver("charge.dispute.created")
        at_stripe.command(f"disputes/{opened['id']}/close", outcome=outcome)
        deliver("charge.dispute.closed")

        first, second = updates()
        assert (first.status, first.dispute_status) == ("succeeded", "needs_response")
        assert (second.status, second.dispute_status) == ("succeeded", outcome)
        (dispute,) = second.disputes
        assert (dispute.dispute_id, dispute.amount) == (opened["id"], 1999)
        assert (dispute.reason, dispute.status) == ("fraudulent", outcome)
        assert [event.outcome for event in processed()] == ["applied", "applied"]

    def test_told_of_one_after_the_other_only_news_are_told(self, handle, at_stripe, paid):
        payment = paid()
        at_stripe.dispute(payment)
        events = [e for e in at_stripe.events_of(payment) if "dispute" in e["type"]]

        handle(*[received(event, customer_id=payment.customer_id) for event in events])

        assert len(events) >= 2
        assert len(updates()) == 1
        assert [event.outcome for event in processed()][1:] == ["stale"] * (len(events) - 1)


class TestLane:
    def test_webhook_in_another_lane_is_passed_on_to_the_payments_own(
        self, handle, at_stripe, paid
    ):
        payment = paid()
        at_stripe.dispute(payment)
        (event,) = [
            e for e in at_stripe.events_of(payment) if e["type"] == "charge.dispute.created"
        ]

        handle(received(event, customer_id="ch_somebody"))

        assert updates() == []
        (passed_on,) = [e for e in published() if isinstance(e, PaymentUpdateRequested)]
        assert passed_on.customer_id == payment.customer_id
        assert passed_on.correlation_id == payment.correlation_id
        assert (processed()[-1].outcome, processed()[-1].reason) == (
            "applied",
            "passed on to its own lane",
        )
        handle(passed_on)
        assert updates()[-1].dispute_status == "needs_response"


class TestIgnored:
    def test_what_others_do_with_the_account(self, handle, at_stripe):
        intent = at_stripe.post(
            "/v1/payment_intents", amount=500, currency="eur", confirm="true",
            payment_method="pm_card_visa", **{"allowed_payment_method_types[]": "card"},
        )  # fmt: skip
        at_stripe.post("/v1/refunds", payment_intent=intent["id"])
        theirs = type("Payment", (), {"payment_intent_id": intent["id"]})

        handle(*[received(event, customer_id="x") for event in at_stripe.events_of(theirs)])

        assert {event.outcome for event in processed()} == {"ignored"}
        assert Payment.objects.count() == 0

    def test_payment_whose_request_died_is_recorded_all_the_same(self, handle, at_stripe, paid):
        payment = paid()
        Payment.objects.all().delete()
        (event,) = [
            e for e in at_stripe.events_of(payment) if e["type"] == "payment_intent.succeeded"
        ]

        handle(received(event, customer_id=payment.customer_id))

        (told,) = updates()
        assert (told.payment_id, told.status) == (payment.id, "succeeded")
        assert told.amount_captured == 1999


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_in_any_order_with_duplicates_they_end_in_the_same_row(data, handle, at_stripe, paid):
    payment = paid("pm_card_threeDSecure2Required")
    at_stripe.command(f"intents/{payment.payment_intent_id}/authenticate")
    handle(asked("confirm", payment))
    for amount in data.draw(st.lists(st.integers(1, 600), max_size=3), label="refunds"):
        at_stripe.post("/v1/refunds", payment_intent=payment.payment_intent_id, amount=amount)
    if outcome := data.draw(st.sampled_from(["", "won", "lost"]), label="dispute"):
        opened = at_stripe.dispute(payment)
        at_stripe.command(f"disputes/{opened['id']}/close", outcome=outcome)
    events = at_stripe.events_of(payment)
    first = data.draw(st.permutations(events), label="first")
    again = data.draw(st.lists(st.sampled_from(events), max_size=10), label="again")
    lanes = itertools.cycle([payment.customer_id, payment.customer_id, "another"])

    handle(*[received(event, customer_id=next(lanes)) for event in [*first, *again]])
    handle(*[event for event in published() if isinstance(event, PaymentUpdateRequested)])
    ended = visible(payment)
    told = [event for event in updates() if event.payment_id == payment.id]
    handle(asked("refresh", payment))

    assert visible(payment) == ended
    revisions = [event.revision for event in told]
    assert revisions == sorted(set(revisions))
    assert told[-1].amount_refunded == sum(refund[1] for refund in ended[1])
    assert told[-1].dispute_status == (outcome or None)
