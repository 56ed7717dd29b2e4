"""A year of payments in the admin service's database, as if its consumers had taken the events.

The log tells of every payment, so that `rebuild_analytics` has all to do; of subscriptions and
webhooks there are only the figures.
"""

from typing import Any, Final

from django.db import connection, transaction

DAYS: Final = 365

_PAYMENTS: Final = """
INSERT INTO analytics_paymentfact
    (payment_id, payment_intent_id, customer_id, payment_type, status, amount, captured, refunded,
     currency, decline_code, card_brand, card_country, plan, dispute_status, requested_at,
     measured_at, revision, event_id, answered_at, three_d_secure)
SELECT uuidv7(at - now()), 'pi_' || n, 'c' || n %% 50000,
    (ARRAY['one_off', 'subscription_first', 'subscription_renewal'])[1 + n %% 3], status, amount,
    CASE WHEN status = 'succeeded' THEN amount ELSE 0 END,
    CASE WHEN status = 'succeeded' AND n %% 40 = 0 THEN 100 ELSE 0 END,
    (ARRAY['eur', 'usd', 'jpy'])[1 + n %% 7 %% 3],
    CASE WHEN status = 'requires_payment_method'
        THEN (ARRAY['insufficient_funds', 'do_not_honor', 'expired_card'])[1 + n %% 11 %% 3]
        ELSE '' END,
    (ARRAY['visa', 'mastercard', 'amex'])[1 + n %% 13 %% 3],
    (ARRAY['FR', 'DE', 'US', 'GB', 'ES', 'IT', 'NL', 'BE', 'CH', 'JP'])[1 + n %% 17 %% 10],
    CASE WHEN n %% 3 = 0 THEN '' ELSE 'plan-' || n %% 6 END, '', at, at + wait, 1,
    uuidv7(at + wait - now()), at + wait, false
FROM generate_series(1, %(count)s) AS n,
    LATERAL (SELECT
        date_trunc('milliseconds', now() - n * (%(days)s * interval '1 day' / %(count)s)) AS at,
        (ARRAY['succeeded', 'succeeded', 'succeeded', 'succeeded', 'requires_payment_method',
               'canceled'])[1 + n %% 19 %% 6] AS status,
        100 + n %% 9973 AS amount,
        (300 + n %% 2000) * interval '1 millisecond' AS wait
    ) AS payment
"""
_SUMS: Final = """
INSERT INTO analytics_paymentaggregate
    (dimension, grain, starts_at, value, payment_type, currency, status, count, amount, captured,
     refunded, refunds, disputes)
SELECT dimension, grain, date_trunc(grain, requested_at, 'UTC'), value, payment_type, currency,
    CASE WHEN dimension = 'latency' THEN '' ELSE status END, count(*), sum(amount), sum(captured),
    sum(refunded), count(*) FILTER (WHERE refunded > 0), 0
FROM analytics_paymentfact,
    LATERAL (VALUES ('all', ''), ('country', card_country), ('card_brand', card_brand),
        ('decline_code', decline_code), ('plan', plan),
        ('latency',
         ceil(round(ln(extract(epoch FROM answered_at - requested_at) * 1000) / ln(1.1), 9))::text)
    ) AS seen (dimension, value),
    (VALUES ('hour'), ('day'), ('month')) AS length (grain)
WHERE dimension = 'all' OR value <> ''
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
# Each payment was asked for, answered and measured; its id is the correlation id of all three.
_LOG: Final = """
INSERT INTO event_log_loggedevent
    (event_id, topic, customer_id, correlation_id, causation_id, source, content, partition,
     "offset", occurred_at, received_at, logged_at)
SELECT event.id, topic, customer_id, payment_id, cause, source,
    jsonb_build_object('eventId', event.id, 'timestamp', happened_at, 'customerId', customer_id,
        'amount', amount, 'currency', currency) || content,
    0, 0, happened_at, happened_at, happened_at
FROM analytics_paymentfact AS fact,
    LATERAL (SELECT uuidv7(requested_at - now()) AS asked, uuidv7(answered_at - now()) AS answered,
        jsonb_build_object('source', 'payment-service', 'paymentId', payment_id,
            'paymentIntentId', payment_intent_id, 'status', status, 'revision', 1) AS known) AS of,
    LATERAL (VALUES
        (asked, 'stripe.payment.request', NULL, 'customer-service', requested_at, '{}'::jsonb),
        (answered, 'payment.card.result', asked, 'payment-service', answered_at, known),
        (fact.event_id, 'payment.analytics', asked, 'payment-service', measured_at,
         jsonb_strip_nulls(known || jsonb_build_object(
            'eventType', 'payment.analytics', 'requestedAt', requested_at,
            'paymentType', payment_type, 'amountCaptured', captured, 'amountRefunded', refunded,
            'declineCode', nullif(decline_code, ''), 'cardBrand', card_brand,
            'cardCountry', card_country, 'subscriptionPlanId', nullif(plan, ''))))
    ) AS event (id, topic, cause, source, happened_at, content)
ORDER BY happened_at
"""
_ASKS: Final = """
INSERT INTO timeline_ask (event_id, topic, customer_id, correlation_id, asked_at, answered_at)
SELECT event_id, topic, customer_id, correlation_id, occurred_at, occurred_at + interval '1 second'
FROM event_log_loggedevent WHERE topic = 'stripe.payment.request'
"""
# One subscription for each 20 payments: all began, each fifth ended after a month.
_MOVEMENTS: Final = """
INSERT INTO analytics_mrrmovement
    (subscription_id, revision, currency, kind, amount, paying, plan, cohort, occurred_at)
SELECT payment_id, step.revision, currency, kind, sign * amount, sign, plan,
    date_trunc('month', requested_at, 'UTC')::date, requested_at + later
FROM (SELECT *, row_number() OVER (ORDER BY payment_id) AS n FROM analytics_paymentfact
    WHERE payment_type = 'subscription_first') AS fact,
    (VALUES (1, 'new', 1, interval '0'), (2, 'churn', -1, interval '30 days'))
        AS step (revision, kind, sign, later)
WHERE n % 20 = 0 AND (sign = 1 OR n % 100 = 0) AND requested_at + later < now()
"""
_WEBHOOKS: Final = """
INSERT INTO analytics_webhookaggregate
    (grain, starts_at, webhook_type, outcome, lag_bucket, count)
SELECT grain, date_trunc(grain, requested_at, 'UTC'), webhook_type,
    CASE WHEN revision % 50 = 0 THEN 'stale' ELSE 'applied' END, amount % 20 + 30, count(*)
FROM analytics_paymentfact,
    (VALUES ('charge.succeeded'), ('payment_intent.created'), ('payment_intent.succeeded'))
        AS type (webhook_type),
    (VALUES ('hour'), ('day'), ('month')) AS length (grain)
GROUP BY 1, 2, 3, 4, 5
"""
_STATEMENTS: Final = {
    "payments": _PAYMENTS,
    "sums": _SUMS,
    "log": _LOG,
    "asks": _ASKS,
    "movements": _MOVEMENTS,
    "webhooks": _WEBHOOKS,
}
_TABLES: Final = [
    *("analytics_paymentfact", "analytics_paymentaggregate", "event_log_loggedevent"),
    *("timeline_ask", "analytics_mrrmovement", "analytics_webhookaggregate"),
]
_INDEXES: Final = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = ANY(%s::regclass[])
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


def make_history(payments: int) -> dict[str, int]:
    """Make so many payments of the last year. Returns how many rows it took, by what they are."""
    rows = {}
    with transaction.atomic(), connection.cursor() as cursor:
        # An index of all rows is made in a fraction of the time that it takes one by one.
        cursor.execute(_INDEXES, [_TABLES])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for name, statement in _STATEMENTS.items():
            given: Any = {"count": payments, "days": DAYS} if name == "payments" else None
            cursor.execute(statement, given)
            rows[name] = cursor.rowcount
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("ANALYZE")
    return rows
