"""Refunds, disputes and saved cards over real processes, asked for by a plain Kafka client."""

import uuid

import pytest
import requests

from devstack.services import DEMO_API_KEY
from devstack.waiting import wait_until
from tests.e2e.test_plain_records import REQUEST, RESULT, plain_request

UPDATE, UPDATED = "stripe.payment.update", "payment.status.updated"


@pytest.fixture
def paid(topics):
    """Pay as a customer; returns what was answered."""

    def paid(customer_id=None, **changes):
        customer_id = customer_id or f"customer-{uuid.uuid4()}"
        event_id = str(uuid.uuid4())
        request = plain_request(customer_id, eventId=event_id, **changes)
        topics.produce(REQUEST, request, key=customer_id)
        return topics.wait_for(RESULT, causationId=event_id).json()

    return paid


@pytest.fixture
def ask(topics):
    """Ask for something to be done to a payment; returns the event id."""

    def ask(payment, action, **fields):
        event = {name: payment[name] for name in ("customerId", "paymentId", "paymentIntentId")}
        event |= {"eventId": str(uuid.uuid4()), "eventType": UPDATE, "action": action, **fields}
        topics.produce(UPDATE, event, key=payment["customerId"])
        return event["eventId"]

    return ask


@pytest.fixture
def at_stripe(stack):
    """Do at Stripe what somebody does in its dashboard."""
    if not stack.uses_emulator:
        pytest.skip("Only the emulator can be told to dispute: unset STRIPE_API_KEY.")

    def post(path, **params):
        response = requests.post(
            f"{stack.stripe_url}{path}", data=params, auth=(DEMO_API_KEY, ""), timeout=30
        )
        response.raise_for_status()
        return response.json()

    return post


def test_refund_asked_for_is_made_and_told(topics, paid, ask, audit, stack):
    payment = paid()

    event_id = ask(payment, "refund", amount=234)

    told = topics.wait_for(UPDATED, causationId=event_id).json()
    stack.wait_until_settled()
    assert (told["status"], told["amountRefunded"], told["revision"]) == ("succeeded", 234, 2)
    assert told["refunds"][0]["refundId"] == event_id
    books = audit(payment_intent=payment["paymentIntentId"])["per_currency"]["eur"]
    assert (books["captured"], books["refunded"]) == (1234, 234)


def test_refunds_survive_the_death_of_worker_and_consumer(topics, paid, ask, audit, stack):
    payments = [paid() for _ in range(10)]

    asked = {ask(payment, "refund", amount=100): payment for payment in payments}
    killed = {name: stack.kill(name) for name in ("payment-worker", "payment-consumer")}
    for name, pid in killed.items():
        stack.wait_until_restarted(name, killed=pid)

    def told():
        return asked.keys() <= {record.json()["causationId"] for record in topics.records(UPDATED)}

    wait_until(told, what="all refunds to be told", seconds=90, every=0.5)
    stack.wait_until_settled()
    for payment in payments:
        books = audit(payment_intent=payment["paymentIntentId"])["per_currency"]["eur"]
        assert books["refunded"] == 100


def test_what_a_subscription_paid_is_refunded_for_customer_figures_and_ledger(
    topics, ada, at_stripe, databases, stack
):
    subscription_id = ada.subscribe()["id"]
    paid = topics.wait_for("payment.analytics", subscriptionId=subscription_id, status="succeeded")
    payment_id = paid.json()["paymentId"]

    at_stripe("/v1/refunds", payment_intent=paid.json()["paymentIntentId"], amount=34)

    told = topics.wait_for("payment.analytics", paymentId=payment_id, amountRefunded=34).json()
    assert told["customerId"] == paid.json()["customerId"]
    stack.manage("payment", "record_balance")

    def figures():
        return databases.rows(
            "admin",
            "SELECT refunded, (SELECT sum(amount)::bigint FROM ledger_entry AS entry"
            " WHERE entry.payment_id = fact.payment_id AND account = 'refunds') AS in_ledger"
            " FROM analytics_paymentfact AS fact WHERE payment_id = %s",
            (payment_id,),
        )

    agreed = [{"refunded": 34, "in_ledger": 34}]
    wait_until(lambda: figures() == agreed, what="the refund in figures and ledger", every=0.2)

    def invoices():
        return databases.rows(
            "customer",
            "SELECT status, amount_refunded FROM subscriptions_invoice WHERE subscription_id = %s",
            (subscription_id,),
        )

    shown = [{"status": "paid", "amount_refunded": 34}]
    wait_until(lambda: invoices() == shown, what="the refund at the customer", every=0.2)


def test_refund_and_dispute_at_stripe_are_told_by_webhooks(topics, paid, at_stripe):
    payment = paid()

    refund = at_stripe("/v1/refunds", payment_intent=payment["paymentIntentId"], amount=34)
    topics.wait_for(UPDATED, paymentId=payment["paymentId"], amountRefunded=34)
    dispute = at_stripe(f"/_emulator/charges/{refund['charge']}/dispute")
    topics.wait_for(UPDATED, paymentId=payment["paymentId"], disputeStatus="needs_response")
    at_stripe(f"/v1/disputes/{dispute['id']}/close")

    told = topics.wait_for(UPDATED, paymentId=payment["paymentId"], disputeStatus="lost").json()
    assert (told["amountRefunded"], told["disputes"][0]["amount"]) == (34, 1200)


def test_saved_card_is_charged_without_its_customer(paid, audit):
    first = paid(paymentOptions={"saveCard": True})

    card = first["savedCard"]["paymentMethodId"]
    second = paid(first["customerId"], paymentMethodId=card, paymentOptions={"offSession": True})

    assert second["status"] == "succeeded"
    assert audit(payment_intent=second["paymentIntentId"])["succeeded"] == 1
