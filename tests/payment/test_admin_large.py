"""Django admin with a million payments, or subscriptions: nobody waits for a page."""

import statistics
import time

import pytest
from django.db import connection

from payment_project.payments.models import Payment
from payment_project.subscriptions.models import Subscription
from tests.django_admin import list_url

PAYMENTS = 1_000_000
SLOWEST = 0.3
"""Seconds."""

_MAKE = """
INSERT INTO payments_payment (
    id, customer_id, request_event_id, correlation_id, payment_intent_id, amount, currency, status,
    amount_captured, amount_refunded, dispute_status, save_card, off_session, revision, error_code,
    decline_code, error_message, card_brand, card_country, customer_email, requested_at, created_at,
    updated_at
)
SELECT gen_random_uuid(), 'customer-' || n %% 50000, gen_random_uuid(), gen_random_uuid(),
    'pi_' || n, 100 + n %% 100000, (ARRAY['eur', 'usd', 'jpy'])[1 + n %% 3],
    CASE n %% 50 WHEN 0 THEN 'canceled' WHEN 1 THEN 'requires_payment_method' ELSE 'succeeded' END,
    100, 0, '', false, false, 1, '', CASE n %% 50 WHEN 1 THEN 'insufficient_funds' ELSE '' END, '',
    'visa', 'US', 'ada' || n %% 50000 || '@example.org', at, at, at
FROM generate_series(1, %s) AS n, LATERAL (SELECT now() - n * interval '3 seconds' AS at) AS time
"""

_MAKE_SUBSCRIPTIONS = """
INSERT INTO subscriptions_subscription (
    id, customer_id, request_event_id, correlation_id, stripe_subscription_id, status,
    subscription_plan_id, amount, currency, interval, interval_count, quantity,
    cancel_at_period_end, cancellation_reason, paused, payment_method_id, card_country,
    setup_intent_id, setup_status, error_code, decline_code, error_message, unpaid_attempts,
    revision, requested_at, created_at, updated_at
)
SELECT gen_random_uuid(), 'customer-' || n %% 50000, gen_random_uuid(), gen_random_uuid(),
    'sub_' || n, CASE n %% 50 WHEN 0 THEN 'canceled' WHEN 1 THEN 'past_due' ELSE 'active' END,
    'pro-monthly', 1900, 'eur', 'month', 1, 1, false, '', false, 'pm_' || n, 'US', '', '', '', '',
    '', 0, 1, at, at, at
FROM generate_series(1, %s) AS n, LATERAL (SELECT now() - n * interval '3 seconds' AS at) AS time
"""


@pytest.mark.large
@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_every_page_of_subscriptions_opens_at_once(admin_client, capsys):
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_SUBSCRIPTIONS, [PAYMENTS])
        cursor.execute("ANALYZE subscriptions_subscription")
    row = Subscription.objects.get(stripe_subscription_id=f"sub_{PAYMENTS // 2}")
    rare = Subscription.objects.filter(stripe_subscription_id=f"sub_{PAYMENTS // 3}")
    rare.update(status="unpaid", paused=True, cancel_at_period_end=True)
    pages = {
        "all": {},
        "last page": {"p": 20},
        "active": {"status__exact": "active"},
        "past due": {"status__exact": "past_due"},
        "unpaid": {"status__exact": "unpaid"},
        "paused": {"paused__exact": "1"},
        "not paused": {"paused__exact": "0"},
        "ending": {"cancel_at_period_end__exact": "1"},
        "by id": {"q": str(row.id)},
        "by event id": {"q": str(row.request_event_id)},
        "by Stripe's id": {"q": row.stripe_subscription_id},
        "by customer": {"q": row.customer_id},
        "by nothing known": {"q": "in_nobody"},
    }

    check(admin_client, Subscription, pages, capsys)


@pytest.mark.large
@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_every_page_opens_at_once(admin_client, capsys):
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, [PAYMENTS])
        cursor.execute("ANALYZE payments_payment")
    payment = Payment.objects.filter(payment_intent_id=f"pi_{PAYMENTS // 2}").get()
    rare = Payment.objects.filter(payment_intent_id=f"pi_{PAYMENTS // 3}")
    rare.update(currency="chf", decline_code="stolen_card", status="failed")
    pages = {
        "all": {},
        "last page": {"p": 20},
        "by status": {"status__exact": "canceled"},
        "by a rare status": {"status__exact": "failed"},
        "by currency": {"currency": "jpy"},
        "by a rare currency": {"currency": "chf"},
        "by decline code": {"decline_code": "insufficient_funds"},
        "by a rare decline code": {"decline_code": "stolen_card"},
        "by amount": {"amount": "1000-2000"},
        "by time": {
            "created_at__gte": "2020-01-01 00:00:00+00:00",
            "created_at__lt": "2100-01-01 00:00:00+00:00",
        },
        "by id": {"q": str(payment.id)},
        "by event id": {"q": str(payment.request_event_id)},
        "by Stripe's id": {"q": payment.payment_intent_id},
        "by customer": {"q": payment.customer_id},
        "by e-mail": {"q": payment.customer_email},
        "by nothing known": {"q": "nobody"},
    }

    check(admin_client, Payment, pages, capsys)


def check(client, model, pages, capsys):
    """Open each page, tell how long it took, and see that none took long."""
    took = {name: statistics.median(seconds(client, model, query)) for name, query in pages.items()}

    with capsys.disabled():
        for name, median in took.items():
            print(f"\n{name}: {median * 1000:.0f} ms", end="")  # noqa: T201 - its figures
    assert {name: median for name, median in took.items() if median > SLOWEST} == {}


def seconds(client, model, query):
    """Open a page a few times."""
    for _ in range(5):
        began = time.perf_counter()
        assert client.get(list_url(model), query).status_code == 200
        yield time.perf_counter() - began
