"""Refunds: asked for here, or made in Stripe's dashboard."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devstack.waiting import wait_until
from kafka_bridge.errors import OutcomeUnknown
from kafka_bridge.handlers import Delivery, delivered
from payment_project.payments.models import Refund
from payment_project.stripe_gateway import client
from tests.payment.conftest import asked, published, received, updates

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def once(monkeypatch):
    monkeypatch.setattr(client, "NETWORK_RETRIES", 0)


@pytest.fixture
def payment(paid):
    return paid()


def refunded(at_stripe, payment):
    """How much Stripe gave back, in minor units."""
    event = type("Request", (), {"payment_id": payment.id})
    return at_stripe.audit(event)["per_currency"]["eur"]["refunded"]


class TestRefund:
    def test_in_part_then_the_rest(self, handle, at_stripe, payment):
        first = asked("refund", payment, amount=500, reason="requested_by_customer")
        second = asked("refund", payment)

        handle(first, second)

        in_part, in_full = updates()
        assert (in_part.status, in_part.amount_refunded, in_part.revision) == ("succeeded", 500, 2)
        assert (in_full.status, in_full.amount_refunded, in_full.revision) == ("succeeded", 1999, 3)
        assert [refund.refund_id for refund in in_full.refunds] == [first.event_id, second.event_id]
        assert [refund.amount for refund in in_full.refunds] == [500, 1499]
        assert in_part.refunds[0].reason == "requested_by_customer"
        assert in_part.refunds[0].stripe_refund_id.startswith("re_")
        assert published()[-1].amount_refunded == 1999
        assert refunded(at_stripe, payment) == 1999
        made = at_stripe.get("/v1/refunds", payment_intent=payment.payment_intent_id)["data"]
        assert made[0]["metadata"] == {
            "refund_id": str(second.event_id),
            "payment_id": str(payment.id),
            "customer_id": payment.customer_id,
            "correlation_id": str(payment.correlation_id),
        }

    def test_of_more_than_is_left_fails_and_is_told(self, handle, at_stripe, payment):
        first, second = asked("refund", payment, amount=1500), asked("refund", payment, amount=500)

        handle(first, second)

        told = updates()[-1]
        assert (told.amount_refunded, told.revision) == (1500, 3)
        assert told.error is None
        failed = told.refunds[-1]
        assert (failed.refund_id, failed.amount, failed.status) == (second.event_id, 500, "failed")
        assert (failed.stripe_refund_id, "greater than" in failed.error) == ("", True)
        assert refunded(at_stripe, payment) == 1500

    def test_of_what_is_refunded_already_fails(self, handle, payment):
        handle(asked("refund", payment), asked("refund", payment))

        assert [refund.status for refund in updates()[-1].refunds] == ["succeeded", "failed"]
        assert "already been refunded" in updates()[-1].refunds[-1].error

    def test_of_what_was_never_paid_fails(self, handle, paid):
        payment = paid("pm_card_visa_chargeDeclined")

        handle(asked("refund", payment))

        (told,) = updates()
        assert told.status == "requires_payment_method"
        assert [refund.status for refund in told.refunds] == ["failed"]

    def test_done_twice_refunds_once(self, handle, at_stripe, payment):
        event = asked("refund", payment, amount=500)

        handle(event, event)

        assert [told.amount_refunded for told in updates()] == [500, 500]
        assert refunded(at_stripe, payment) == 500

    @pytest.mark.parametrize(
        "fault",
        [
            {"action": "drop_before"},
            {"action": "drop_after"},
            {"action": "status_after", "status": 500, "stored": False},
            {"action": "status_after", "status": 500, "stored": True},
        ],
        ids=lambda fault: fault["action"],
    )
    def test_whose_answer_is_lost_is_made_once(self, handle, at_stripe, once, payment, fault):
        event = asked("refund", payment, amount=500)
        at_stripe.faults({"match": "POST /v1/refunds$", "times": 1, **fault})

        with pytest.raises(OutcomeUnknown):
            handle(event)
        handle(event)

        assert [refund.refund_id for refund in updates()[-1].refunds] == [event.event_id]
        assert refunded(at_stripe, payment) == 500

    def test_whose_key_stripe_forgot_is_made_once(self, handle, at_stripe, once, payment):
        event = asked("refund", payment, amount=500)
        at_stripe.faults({"match": "POST /v1/refunds$", "times": 1, "action": "drop_after"})
        with pytest.raises(OutcomeUnknown):
            handle(event)

        at_stripe.forget_keys()
        with delivered(Delivery(timezone.now(), attempts=12, age=timedelta(days=2))):
            handle(event)

        assert refunded(at_stripe, payment) == 500
        assert updates()[-1].amount_refunded == 500

    def test_that_the_bank_sends_back(self, handle, at_stripe, paid):
        payment = paid("pm_card_refundFail")
        handle(asked("refund", payment, amount=500))
        (refund,) = updates()[-1].refunds

        def failed():
            return [
                event for event in at_stripe.events_of(payment) if event["type"] == "refund.failed"
            ]

        (webhook,) = wait_until(failed, what="the bank to send it back")
        handle(received(webhook, customer_id=payment.customer_id))

        told = updates()[-1]
        assert told.amount_refunded == 0
        assert [(r.refund_id, r.status) for r in told.refunds] == [(refund.refund_id, "failed")]
        assert told.refunds[0].error == "expired_or_canceled_card"

    def test_pending_counts_as_given_back(self, handle, paid):
        payment = paid("pm_card_pendingRefund")

        handle(asked("refund", payment, amount=500))

        assert updates()[-1].amount_refunded == 500
        assert updates()[-1].refunds[0].status == "pending"


class TestAtStripe:
    def test_refund_made_in_the_dashboard_is_told(self, handle, at_stripe, payment):
        made = at_stripe.post("/v1/refunds", payment_intent=payment.payment_intent_id, amount=300)
        webhooks = [
            received(event, customer_id=payment.customer_id)
            for event in at_stripe.events_of(payment)
            if event["type"] in ("refund.created", "charge.refunded")
        ]

        handle(*webhooks)

        (told,) = updates()
        assert (told.amount_refunded, told.status) == (300, "succeeded")
        (refund,) = told.refunds
        assert (refund.refund_id, refund.stripe_refund_id) == (None, made["id"])
        assert Refund.objects.get().made_at_stripe
        outcomes = [e.outcome for e in published() if e.topic == "webhook.processed"]
        assert outcomes == ["applied", "stale"]

    def test_more_refunds_than_one_page_holds(self, handle, at_stripe, payment):
        for _ in range(12):
            at_stripe.post("/v1/refunds", payment_intent=payment.payment_intent_id, amount=100)

        handle(asked("refresh", payment))

        (told,) = updates()
        assert (told.amount_refunded, len(told.refunds)) == (1200, 12)
