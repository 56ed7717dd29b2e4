"""Random histories of payments and subscriptions, as the payment service would tell them."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from kafka_bridge.contracts import (
    BalanceCounted,
    BalanceTransactionRecorded,
    CardPaymentAnswered,
    CardPaymentRequested,
    CurrencyCount,
    CustomerInfo,
    PaymentMeasured,
    PaymentStatus,
    PaymentUpdateRequested,
    PlanInfo,
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionRequested,
    SubscriptionStatus,
    SubscriptionStatusUpdated,
    SubscriptionUpdateRequested,
    WebhookProcessed,
    WebhookReceived,
)

START = datetime(2026, 10, 30, 22, tzinfo=UTC)

ids = st.integers(1, 3).map(lambda number: uuid.UUID(int=number))
_asked_ids = st.integers(1, 6).map(lambda number: uuid.UUID(int=number, version=4))
times = st.integers(0, 60 * 24 * 40).map(lambda minutes: START + timedelta(minutes=minutes))
currencies = st.sampled_from(["eur", "jpy"])


def _base(**fields):
    return {
        "event_id": st.uuids(version=4),
        "correlation_id": ids,
        "timestamp": times,
        "revision": st.integers(1, 4),
        "currency": currencies,
        **fields,
    }


def _of(event_class, **fields):
    return st.fixed_dictionaries(fields).map(lambda given: event_class(**given))


measurements = _of(
    PaymentMeasured,
    **_base(
        customer_id=st.just("c1"),
        payment_id=ids,
        payment_intent_id=st.just("pi_1"),
        status=st.sampled_from(PaymentStatus),
        amount=st.integers(1, 5000),
        amount_captured=st.none() | st.integers(0, 5000),
        amount_refunded=st.none() | st.integers(0, 5000),
        dispute_status=st.sampled_from([None, "needs_response", "lost"]),
        payment_type=st.sampled_from(["one_off", "subscription_first", "subscription_renewal"]),
        subscription_plan_id=st.sampled_from([None, "pro", "team"]),
        decline_code=st.sampled_from([None, "insufficient_funds"]),
        card_brand=st.sampled_from([None, "visa"]),
        card_country=st.sampled_from([None, "FR", "DE"]),
        error_code=st.sampled_from([None, "payment_intent_authentication_failure"]),
        three_d_secure=st.sampled_from([None, "challenge", "frictionless"]),
        requested_at=times,
    ),
)
_state = _base(
    causation_id=st.none() | _asked_ids,
    customer_id=st.just("c2"),
    subscription_id=ids,
    stripe_subscription_id=st.just("sub_1"),
    status=st.sampled_from(SubscriptionStatus),
    subscription_plan_id=st.sampled_from(["pro", "team"]),
    amount=st.integers(0, 3000),
    interval=st.sampled_from(["day", "week", "month", "year"]),
    interval_count=st.integers(1, 3),
    quantity=st.integers(1, 3),
    paused=st.booleans(),
    trial_end=st.none() | times,
)
states = _of(SubscriptionAnswered, **_state, success=st.booleans()) | _of(
    SubscriptionStatusUpdated, **_state
)
invoices = _of(
    SubscriptionPaymentUpdated,
    **_base(
        customer_id=st.just("c3"),
        subscription_id=ids,
        invoice_id=st.sampled_from(["in_1", "in_2"]),
        status=st.sampled_from(["open", "paid", "void"]),
        billing_reason=st.just("subscription_cycle"),
        amount_due=st.integers(0, 3000),
        amount_paid=st.integers(0, 3000),
        decline_code=st.sampled_from([None, "insufficient_funds", "expired_card"]),
    ),
)
_of_an_ask = {"customer_id": st.just("c6"), "correlation_id": st.just(uuid.UUID(int=6))}
_asked = {"event_id": _asked_ids, "timestamp": times, **_of_an_ask}
_paid_for = {
    "payment_method_id": st.just("pm_card_visa"),
    "customer_info": st.just(CustomerInfo(email="ada@example.com")),
    "metadata": st.just({}),
}
payment_asks = _of(
    CardPaymentRequested,
    **_asked,
    **_paid_for,
    event_type=st.just("stripe.payment.request"),
    amount=st.just(1999),
    currency=currencies,
) | _of(
    PaymentUpdateRequested,
    **_asked,
    payment_id=ids,
    payment_intent_id=st.just("pi_1"),
    action=st.sampled_from(["refund", "capture"]),
)
subscription_asks = _of(
    SubscriptionRequested,
    **_asked,
    **_paid_for,
    event_type=st.just("stripe.subscription.setup"),
    subscription_plan_id=st.just("pro"),
    plan_info=st.just(PlanInfo(name="Pro", amount=5, currency="eur", interval="month")),
) | _of(
    SubscriptionUpdateRequested,
    **_asked,
    subscription_id=ids,
    stripe_subscription_id=st.just("sub_1"),
    action=st.sampled_from(["pause", "cancel", "refresh"]),
)
webhook_asks = _of(
    WebhookReceived,
    **_asked,
    event_type=st.just("stripe.webhook.received"),
    webhook_event_id=st.just("evt_1"),
    webhook_event_type=st.just("charge.refunded"),
    raw_payload=st.just('{"id": "evt_1"}'),
    signature=st.just("t=1,v1=of_stripe"),
    webhook_event=st.just({"id": "evt_1"}),
)
asks = payment_asks | subscription_asks | webhook_asks
webhooks = _of(
    WebhookProcessed,
    event_id=st.uuids(version=4),
    causation_id=st.none() | _asked_ids,
    customer_id=st.just("c4"),
    timestamp=times,
    received_at=times,
    webhook_event_id=st.just("evt_1"),
    webhook_event_type=st.sampled_from(["charge.refunded", "payment_intent.succeeded"]),
    outcome=st.sampled_from(["applied", "stale"]),
)
answers = _of(
    CardPaymentAnswered,
    **_of_an_ask,
    event_id=st.uuids(version=4),
    causation_id=st.none() | _asked_ids,
    timestamp=times,
    payment_id=ids,
    payment_intent_id=st.just("pi_1"),
    status=st.sampled_from(PaymentStatus),
    success=st.booleans(),
    amount=st.just(1999),
    currency=currencies,
    revision=st.integers(1, 4),
)


def _transaction(given):
    """Say the same of a balance transaction each time: it never changes at Stripe."""
    number, event_id = given
    category, amount, fee = [
        ("charge", 1999, 88),
        ("refund", -500, 0),
        ("dispute", -1999, 1500),
        ("payout", -900, 0),
        ("topup", 1000, 0),
    ][number]
    return BalanceTransactionRecorded(
        event_id=event_id,
        customer_id="c5",
        balance_transaction_id=f"txn_{number}",
        type="charge",
        reporting_category=category,
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency="eur",
        payment_id=uuid.UUID(int=1),
        occurred_at=START,
        available_on=START,
    )


transactions = st.tuples(st.integers(0, 4), st.uuids(version=4)).map(_transaction)
counts = _of(
    BalanceCounted,
    event_id=st.uuids(version=4),
    timestamp=times,
    since=st.integers(0, 2).map(lambda days: datetime(2026, 10, 30 - days, tzinfo=UTC)),
    until=times,
    currencies=st.lists(
        st.builds(
            CurrencyCount,
            currency=currencies,
            transactions=st.integers(1, 9),
            amount=st.integers(-5000, 5000),
            fee=st.integers(0, 90),
            net=st.integers(-5000, 5000),
        ),
        max_size=2,
        unique_by=lambda one: one.currency,
    ).map(tuple),
)
events = measurements | states | invoices | webhooks | transactions | counts | asks | answers
