from uuid import UUID

import pytest
import requests

from devstack.waiting import wait_until

CHALLENGED = "pm_card_threeDSecure2Required"
# A webhook may tell of the answered challenge before the confirmation has been made.
UNCONFIRMED = ("requires_action", "requires_confirmation")


@pytest.fixture
def challenged(ada):
    """A payment whose bank wants to see the customer."""
    return ada.answered_payment(ada.pay(payment_method=CHALLENGED)["id"])


def at_the_bank(payment, outcome):
    """Answer the challenge as the customer's browser does."""
    page = payment["next_action"]["redirect_to_url"]["url"]
    back = requests.post(page, data={"outcome": outcome}, allow_redirects=False, timeout=30)
    assert back.status_code == 303


class TestChallenge:
    def test_completed_and_confirmed_charges_once(self, ada, audit, challenged):
        at_the_bank(challenged, "complete")
        ada.confirm(challenged["id"])

        payment = ada.answered_payment(challenged["id"], after=UNCONFIRMED)

        assert payment["status"] == "succeeded"
        charged = audit(payment_intent=payment["payment_intent_id"])
        assert charged["succeeded"] == 1

    def test_confirmed_twice_charges_once(self, ada, audit, stack, challenged):
        at_the_bank(challenged, "complete")
        ada.confirm(challenged["id"])
        ada.confirm(challenged["id"])

        payment = ada.answered_payment(challenged["id"], after=UNCONFIRMED)
        stack.wait_until_settled()

        assert payment["status"] == "succeeded"
        assert audit(payment_intent=payment["payment_intent_id"])["succeeded"] == 1

    def test_failed_is_told_by_webhook_alone(self, ada, audit, challenged):
        at_the_bank(challenged, "fail")

        payment = ada.answered_payment(challenged["id"], after=UNCONFIRMED)

        assert payment["status"] == "requires_payment_method"
        assert payment["error_code"] == "payment_intent_authentication_failure"
        assert audit(payment_intent=payment["payment_intent_id"])["succeeded"] == 0


class TestTrace:
    def test_is_one_over_three_services_and_a_webhook(self, ada, stack, topics, challenged):
        at_the_bank(challenged, "complete")
        ada.confirm(challenged["id"])
        ada.answered_payment(challenged["id"], after=UNCONFIRMED)
        correlation_id = challenged["correlation_id"]

        def records(topic):
            return topics.matching(topic, correlationId=correlation_id)

        def webhook_is_processed():
            return [
                record
                for record in records("webhook.processed")
                if record.json()["webhookEventType"] == "payment_intent.succeeded"
            ]

        wait_until(webhook_is_processed, what="the webhook of the success")
        stack.wait_until_settled()

        way = {
            topic: records(topic)
            for topic in (
                "stripe.payment.request",
                "payment.card.result",
                "stripe.payment.update",
                "payment.status.updated",
                "payment.analytics",
                "stripe.webhook.received",
                "webhook.processed",
            )
        }
        trace_ids = {
            record.headers["traceparent"].split("-")[1]
            for found in way.values()
            for record in found
        }
        assert all(way.values()), {topic: len(found) for topic, found in way.items()}
        assert trace_ids == {UUID(correlation_id).hex}
