"""A year of payments in the admin service's database, as if its consumers had taken the events.

The log tells of every payment, so that `rebuild_analytics` has all to do; of subscriptions,
webhooks and the balance there are only the figures.
"""

from typing import Any, Final

from django.db import connection, transaction

DAYS: Final = 365

# What is declined is canceled after a day, but for renewals. A few stand still.
_PAYMENTS: Final = """
INSERT INTO analytics_paymentfact
    (payment_id, payment_intent_id, customer_id, payment_type, status, amount, captured, refunded,
     currency, decline_code, card_brand, card_country, plan, dispute_status, requested_at,
     measured_at, revision, event_id, answered_at, three_d_secure, challenged, refused)
SELECT uuidv7(at - now()), 'pi_' || n, 'c' || n %% 50000, payment_type,
    CASE WHEN outcome <> 'declined' THEN outcome
        WHEN payment_type = 'subscription_renewal' OR at > now() - interval '1 day'
        THEN 'requires_payment_method' ELSE 'canceled' END,
    amount,
    CASE WHEN outcome = 'succeeded' THEN amount ELSE 0 END,
    CASE WHEN outcome = 'succeeded' AND n %% 40 = 0 THEN 100 ELSE 0 END,
    (ARRAY['eur', 'usd', 'jpy'])[1 + n %% 7 %% 3],
    CASE WHEN outcome = 'declined'
        THEN (ARRAY['insufficient_funds', 'do_not_honor', 'expired_card'])[1 + n %% 11 %% 3]
        ELSE '' END,
    (ARRAY['visa', 'mastercard', 'amex'])[1 + n %% 13 %% 3],
    (ARRAY['FR', 'DE', 'US', 'GB', 'ES', 'IT', 'NL', 'BE', 'CH', 'JP'])[1 + n %% 17 %% 10],
    CASE WHEN n %% 3 = 0 THEN '' ELSE 'plan-' || n %% 6 END, '', at, at + wait, 1,
    uuidv7(at + wait - now()), at + wait, n %% 5 = 0, n %% 10 = 0,
    n %% 10 = 0 AND outcome = 'declined'
FROM generate_series(1, %(count)s) AS n,
    LATERAL (SELECT
        date_trunc('milliseconds', now() - n * (%(days)s * interval '1 day' / %(count)s)) AS at,
        (ARRAY['one_off', 'subscription_first', 'subscription_renewal'])[1 + n %% 3]
            AS payment_type,
        CASE WHEN n %% 3001 = 0 THEN 'requires_action' ELSE (ARRAY['succeeded', 'succeeded',
            'succeeded', 'succeeded', 'declined', 'canceled'])[1 + n %% 19 %% 6] END AS outcome,
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
        ('decline_code', nullif(decline_code, '')), ('plan', nullif(plan, '')),
        ('three_d_secure', CASE WHEN refused THEN 'refused' WHEN challenged THEN 'challenged'
            WHEN three_d_secure THEN '' END),
        ('latency', CASE WHEN payment_type <> 'subscription_renewal' THEN
         ceil(round(ln(extract(epoch FROM answered_at - requested_at) * 1000) / ln(1.1), 9))::text
            END)
    ) AS seen (dimension, value),
    (VALUES ('hour'), ('day'), ('month')) AS length (grain)
WHERE value IS NOT NULL
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
        (asked, 'stripe.payment.request', NULL, 'customer-service', requested_at,
         jsonb_build_object('paymentMethodId', 'pm_' || customer_id)),
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
# Each tenth first payment began a subscription, each third of these by a trial; each fifth ended
# after a month.
_SUBSCRIPTIONS: Final = """
INSERT INTO analytics_subscriptionfact
    (subscription_id, revision, customer_id, stripe_subscription_id, status, plan, currency, mrr,
     cancellation_reason, cancel_at_period_end, started_at, ended_at, changed_at, trial_end,
     first_paying_at, churned_at)
SELECT payment_id, 2, customer_id, 'sub_' || n,
    CASE WHEN ended_at < now() THEN 'canceled' WHEN trial_end > now() THEN 'trialing'
        ELSE 'active' END,
    plan, currency,
    CASE WHEN ended_at < now() OR trial_end > now() THEN 0 ELSE amount END,
    '', false, requested_at, ended_at, coalesce(ended_at, requested_at), trial_end,
    CASE WHEN pays_at < now() THEN pays_at END, ended_at
FROM (SELECT *, row_number() OVER (ORDER BY payment_id) AS n FROM analytics_paymentfact
        WHERE payment_type = 'subscription_first') AS fact,
    LATERAL (SELECT
        CASE WHEN n % 30 = 0 THEN requested_at + interval '14 days' END AS trial_end,
        CASE WHEN n % 50 = 0 AND requested_at < now() - interval '30 days'
            THEN requested_at + interval '30 days' END AS ended_at) AS times,
    LATERAL (SELECT coalesce(trial_end, requested_at) AS pays_at) AS first
WHERE n % 10 = 0
"""
_MOVEMENTS: Final = """
INSERT INTO analytics_mrrmovement
    (subscription_id, revision, currency, kind, amount, paying, plan, cohort, occurred_at)
SELECT subscription.subscription_id, step.revision, subscription.currency, kind, sign * amount,
    sign, subscription.plan, date_trunc('month', first_paying_at, 'UTC')::date, moved_at
FROM analytics_subscriptionfact AS subscription
    JOIN analytics_paymentfact ON payment_id = subscription.subscription_id,
    LATERAL (VALUES (1, 'new', 1, first_paying_at), (2, 'churn', -1, churned_at))
        AS step (revision, kind, sign, moved_at)
WHERE moved_at IS NOT NULL
"""
# One a month: each sixth was not paid at first, each fourth of these never was.
_INVOICES: Final = """
INSERT INTO analytics_invoicefact
    (invoice_id, subscription_id, customer_id, status, billing_reason, amount_due, amount_paid,
     currency, attempt, revision, told_at, event_id, failed_at, failure_code)
SELECT format('in_%s_%s', n, month), subscription_id, customer_id,
    CASE WHEN lost THEN 'uncollectible' ELSE 'paid' END,
    CASE WHEN month = 0 THEN 'subscription_create' ELSE 'subscription_cycle' END,
    amount, CASE WHEN lost THEN 0 ELSE amount END, currency, 1 + failed::int, 1, due_at,
    subscription_id, CASE WHEN failed THEN due_at END,
    CASE WHEN failed THEN (ARRAY['insufficient_funds', 'do_not_honor', 'expired_card'])[1 + n % 3]
        ELSE '' END
FROM analytics_subscriptionfact, generate_series(0, 12) AS month,
    LATERAL (SELECT substr(stripe_subscription_id, 5)::int / 10 AS n) AS numbered,
    LATERAL (SELECT first_paying_at + month * interval '1 month' AS due_at,
        100 + n % 9973 AS amount, (n + month) % 6 = 0 AS failed, (n + month) % 24 = 0 AS lost
    ) AS invoice
WHERE due_at < coalesce(ended_at, now())
"""
_TRANSACTIONS: Final = """
INSERT INTO ledger_balancetransaction
    (balance_transaction_id, type, reporting_category, amount, fee, net, currency, source_id,
     payment_id, payment_intent_id, occurred_at, available_on)
SELECT 'txn_' || category || substr(payment_intent_id, 3), category, category, moved.amount, fee,
    moved.amount - fee, currency, category || substr(payment_intent_id, 3), payment_id,
    payment_intent_id, measured_at, measured_at + interval '7 days'
FROM analytics_paymentfact,
    LATERAL (VALUES ('charge', captured, 25 + captured / 50), ('refund', -refunded, 0))
        AS moved (category, amount, fee)
WHERE moved.amount <> 0
"""
_ENTRIES: Final = """
INSERT INTO ledger_entry
    (balance_transaction_id, line, account, currency, amount, payment_id, occurred_at)
SELECT balance_transaction_id, line, account, currency, entered, payment_id, occurred_at
FROM ledger_balancetransaction,
    LATERAL (VALUES (0, 'stripe_balance', net), (1, reporting_category || 's', -amount),
        (2, 'fees', fee)) AS entry (line, account, entered)
WHERE entered <> 0
"""
_COUNTS: Final = """
INSERT INTO ledger_stripecount (day, since, until, currencies, counted_at)
SELECT starts_at::date, starts_at AT TIME ZONE 'UTC',
    (starts_at + interval '1 day') AT TIME ZONE 'UTC', jsonb_agg(one), now()
FROM (
    SELECT date_trunc('day', occurred_at AT TIME ZONE 'UTC') AS starts_at, currency,
        count(*) AS transactions, sum(amount) AS amount, sum(fee) AS fee, sum(net) AS net,
        sum(('x' || left(md5(balance_transaction_id || ':' || amount || ':' || fee), 8))
            ::bit(32)::bigint) AS checksum
    FROM ledger_balancetransaction GROUP BY 1, 2
) AS one
GROUP BY starts_at
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
    "subscriptions": _SUBSCRIPTIONS,
    "movements": _MOVEMENTS,
    "invoices": _INVOICES,
    "transactions": _TRANSACTIONS,
    "entries": _ENTRIES,
    "counts": _COUNTS,
    "webhooks": _WEBHOOKS,
}
_TABLES: Final = [
    *("analytics_paymentfact", "analytics_paymentaggregate", "event_log_loggedevent"),
    *("timeline_ask", "analytics_mrrmovement", "analytics_webhookaggregate"),
    *("analytics_subscriptionfact", "analytics_invoicefact"),
    *("ledger_balancetransaction", "ledger_entry", "ledger_stripecount"),
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
        # They sum to zero, which its trigger would look up for each of millions.
        cursor.execute("ALTER TABLE ledger_entry DISABLE TRIGGER USER")
        for name, statement in _STATEMENTS.items():
            given: Any = {"count": payments, "days": DAYS} if name == "payments" else None
            cursor.execute(statement, given)
            rows[name] = cursor.rowcount
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("ALTER TABLE ledger_entry ENABLE TRIGGER USER")
        cursor.execute("ANALYZE")
    return rows
