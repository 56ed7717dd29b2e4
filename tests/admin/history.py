"""A long history of payments, made by the database itself: the log, the facts, and their sums."""

from django.db import connection

# Each payment was asked for, answered and measured. Some say no, some wait, some went back.
_PAYMENTS = """
CREATE TEMPORARY TABLE made AS
SELECT gen_random_uuid() AS payment_id, gen_random_uuid() AS correlation_id,
    gen_random_uuid() AS asked, gen_random_uuid() AS answered, gen_random_uuid() AS measured,
    'pi_' || n AS intent, 'customer-' || n %% 50000 AS customer,
    1000 + (n * 7919) %% 9000 AS amount,
    (ARRAY['eur', 'eur', 'eur', 'usd', 'jpy'])[1 + n %% 5] AS currency,
    CASE WHEN n %% 2000 = 0 THEN 'requires_action' WHEN n %% 50 = 1 THEN 'canceled'
        WHEN n %% 12 = 2 THEN 'requires_payment_method' ELSE 'succeeded' END AS status,
    CASE n %% 48 WHEN 2 THEN 'insufficient_funds' WHEN 14 THEN 'generic_decline'
        WHEN 26 THEN 'expired_card' WHEN 38 THEN 'do_not_honor' ELSE '' END AS decline,
    (ARRAY['visa', 'visa', 'mastercard', 'amex'])[1 + n %% 4] AS brand,
    (ARRAY['FR', 'DE', 'FR', 'US', 'JP', 'IT', 'ES'])[1 + n %% 7] AS country,
    (ARRAY['one_off', 'one_off', 'subscription_renewal', 'subscription_first'])[1 + n / 3 %% 4]
        AS kind,
    n %% 9 = 0 AS three_d_secure, n %% 40 = 0 AS went_back,
    now() - (n ^ 1.05 / %s ^ 1.05) * interval '365 days' + (n %% 7) * interval '9 hours'
        - interval '60 hours' AS at,
    interval '1 millisecond' * (120 + n * 7919 %% 700) AS took
FROM generate_series(1::bigint, %s) AS n
"""
_LOG = """
INSERT INTO event_log_loggedevent (event_id, topic, customer_id, correlation_id, causation_id,
    source, content, partition, "offset", occurred_at, received_at, logged_at)
SELECT event_id, topic, customer, correlation_id, cause, source, jsonb_build_object(
        'paymentId', payment_id, 'amount', amount, 'currency', currency) || content,
    hashtext(customer) & 3, row_number() OVER (), happened, happened, happened
FROM made, LATERAL (VALUES
    (asked, 'stripe.payment.request', NULL, 'customer-service', at, '{}'::jsonb),
    (answered, 'payment.card.result', asked, 'payment-service', at + took,
        jsonb_build_object('paymentIntentId', intent, 'status', status)),
    (measured, 'payment.analytics', asked, 'payment-service', at + took,
        jsonb_build_object('paymentIntentId', intent, 'status', status))
) AS event (event_id, topic, cause, source, happened, content)
"""
_ASKS = """
INSERT INTO timeline_ask (event_id, topic, customer_id, correlation_id, asked_at, answered_at)
SELECT asked, 'stripe.payment.request', customer, correlation_id, at, at + took FROM made
"""
_FACTS = """
INSERT INTO analytics_paymentfact (payment_id, payment_intent_id, customer_id, payment_type, status,
    amount, captured, refunded, currency, decline_code, card_brand, card_country, requested_at,
    measured_at, revision, event_id, answered_at, three_d_secure)
SELECT payment_id, intent, customer, kind, status, amount,
    CASE status WHEN 'succeeded' THEN amount ELSE 0 END,
    CASE WHEN status = 'succeeded' AND went_back THEN amount ELSE 0 END, currency, decline, brand,
    country, at, at + took, 1, measured, at + took, three_d_secure
FROM made
"""
_SUMS = """
INSERT INTO analytics_paymentaggregate (dimension, grain, starts_at, value, payment_type, currency,
    status, count, amount, captured, refunded, refunds, disputes)
SELECT dimension, grain, date_trunc(grain, requested_at, 'UTC'), value, payment_type, currency,
    status, count(*), sum(amount), sum(captured), sum(refunded),
    count(*) FILTER (WHERE refunded > 0), 0
FROM analytics_paymentfact, (VALUES ('hour'), ('day')) AS grains (grain), LATERAL (VALUES
    ('all', ''), ('country', card_country), ('card_brand', card_brand),
    ('decline_code', nullif(decline_code, '')),
    ('three_d_secure', CASE WHEN three_d_secure THEN '' END),
    ('latency', ceil(ln(extract(epoch FROM answered_at - requested_at) * 1000) / ln(1.1))
        ::int::text)
) AS along (dimension, value)
WHERE value IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


def make_history(payments: int) -> None:
    """Make so many payments, spread over the last year."""
    with connection.cursor() as cursor:
        cursor.execute(_PAYMENTS, [payments, payments])
        for statement in (_LOG, _ASKS, _FACTS, _SUMS):
            cursor.execute(statement)
        cursor.execute("DROP TABLE made")
        for table in ("event_log_loggedevent", "timeline_ask", "analytics_paymentfact",
                      "analytics_paymentaggregate"):  # fmt: skip
            cursor.execute(f"ANALYZE {table}")
