"""Reading what a run left behind, while nothing moves."""

import json
from contextlib import closing
from typing import Any, Final

import requests

from devstack.chaos.evidence import Evidence, Ledger, Plan
from devstack.chaos.forgery import Forgery
from devstack.chaos.journal import Journal
from devstack.chaos.quota import Arrivals, Quota
from devstack.chaos.records import Records
from devstack.clients import TIMEOUT, Json, emulator_audit
from devstack.hops import Row, Trace
from devstack.running import RunningStack
from devstack.services import DEMO_API_KEY, SERVICES
from kafka_bridge.contracts import Topic

_OUTBOX: Final = """
SELECT id, event_id::text, topic, key, value, correlation_id::text, created_at, published_at
FROM kafka_bridge_outboxevent ORDER BY id
"""
_INBOX: Final = """
SELECT id, event_id::text, topic, partition, "offset", key, value, correlation_id::text,
    received_at, handled_at, dead_at, error_type, error
FROM kafka_bridge_inboxevent ORDER BY id
"""
_LANES: Final = "SELECT key, waits_for FROM kafka_bridge_lane"
_CUSTOMERS: Final = "SELECT name, id::text FROM customers_customer"
_PAYMENTS: Final = {
    "customer": (
        "SELECT id::text, customer_id::text, amount, currency, status, revision,"
        " amount_captured, amount_refunded, payment_intent_id, client_secret,"
        " correlation_id::text, created_at FROM payments_payment"
    ),
    "payment": (
        "SELECT id::text, customer_id, amount, currency, status, revision, amount_captured,"
        " amount_refunded, payment_intent_id, requested_at AS created_at FROM payments_payment"
    ),
    "admin": (
        "SELECT payment_id::text AS id, amount, currency, status, revision,"
        " captured AS amount_captured, refunded AS amount_refunded,"
        " requested_at AS created_at FROM analytics_paymentfact WHERE subscription_id IS NULL"
    ),
}
_SUBSCRIPTION: Final = (
    "SELECT id::text, status, subscription_plan_id AS plan, cancel_at_period_end, revision,"
    " stripe_subscription_id FROM subscriptions_subscription"
)
_SUBSCRIPTIONS: Final = {
    "customer": _SUBSCRIPTION,
    "payment": _SUBSCRIPTION,
    "admin": (
        "SELECT subscription_id::text AS id, status, plan, cancel_at_period_end, revision,"
        " stripe_subscription_id FROM analytics_subscriptionfact"
    ),
}
_INVOICES_PAID: Final = (
    "SELECT subscription_id::text, amount_paid AS amount, currency FROM subscriptions_invoice"
    " WHERE amount_paid > 0"
)
_PAID: Final = {
    "customer": _INVOICES_PAID,
    "payment": _INVOICES_PAID,
    "admin": (
        "SELECT subscription_id::text, captured AS amount, currency FROM analytics_paymentfact"
        " WHERE subscription_id IS NOT NULL AND status = 'succeeded' AND captured > 0"
    ),
}
_BALANCE: Final = """
SELECT currency, type, sum(amount)::bigint AS amount FROM balance_balancetransaction
GROUP BY currency, type
"""
_ENTRIES: Final = """
SELECT payment_id::text, account, currency, sum(amount)::bigint AS amount FROM ledger_entry
WHERE account IN ('charges', 'refunds') GROUP BY payment_id, account, currency
"""
_FACTS: Final = """
SELECT currency, status, count(*) AS count, sum(amount)::bigint AS amount,
    sum(captured)::bigint AS captured, sum(refunded)::bigint AS refunded
FROM analytics_paymentfact GROUP BY currency, status
"""
_SUMS: Final = """
SELECT grain, currency, status, sum(count)::bigint AS count, sum(amount)::bigint AS amount,
    sum(captured)::bigint AS captured, sum(refunded)::bigint AS refunded
FROM analytics_paymentaggregate WHERE dimension = 'all' GROUP BY grain, currency, status
"""
_WEBHOOK_SUMS: Final = """
SELECT grain, webhook_type, outcome, sum(count)::bigint AS count FROM analytics_webhookaggregate
GROUP BY grain, webhook_type, outcome
"""
_RECEIPTS: Final = "SELECT payment_id::text FROM emails_email WHERE kind = 'receipt'"
_KNOWN_CUSTOMERS: Final = "SELECT customer_id, stripe_customer_id FROM customers_stripecustomer"
_LOGGED: Final = """
SELECT event_id::text, topic, partition, "offset", content::text AS content
FROM event_log_loggedevent
"""


def gather(
    stack: RunningStack,
    *,
    plan: Plan,
    journal: Journal,
    forgeries: list[Forgery],
    records: Records,
    secrets: list[str],
    quota: Quota,
    arrivals: Arrivals,
    disturbed: list[tuple[float, float]],
    healed_at: float,
    unsettled: str,
) -> Evidence:
    """Read everything, while nothing moves."""
    stripe_url = stack.stripe_url or ""
    with closing(Trace(stack)) as trace:
        ledgers = {name: _ledger(trace, name) for name in SERVICES}
        customers = trace.rows("customer", _CUSTOMERS)
        logged = trace.rows("admin", _LOGGED)
        balance = trace.rows("payment", _BALANCE)
        facts, sums = trace.rows("admin", _FACTS), trace.rows("admin", _SUMS)
        webhook_sums = trace.rows("admin", _WEBHOOK_SUMS)
        receipts = trace.rows("customer", _RECEIPTS)
        known = trace.rows("payment", _KNOWN_CUSTOMERS)
        entries = trace.rows("admin", _ENTRIES)
    lags = {
        name: json.loads(printed)["partitions"]
        for name, printed in stack.manage_all("lag", "--json").items()
    }
    names = [str(name) for topic in Topic for name in (topic, topic.dead_letter_topic)]
    return Evidence(
        plan=plan,
        journal=journal,
        forgeries=forgeries,
        ledgers=ledgers,
        customers={row["name"]: row["id"] for row in customers},
        logged=logged,
        balance=balance,
        entries=entries,
        facts=facts,
        sums=sums,
        webhook_sums=webhook_sums,
        receipts=[row["payment_id"] for row in receipts],
        known_customers={row["customer_id"]: row["stripe_customer_id"] for row in known},
        stripe_customers=_all_of(stripe_url, "customers", {}),
        intents=_all_of(stripe_url, "payment_intents", {"expand[]": "data.latest_charge"}),
        subscriptions=_all_of(stripe_url, "subscriptions", {"status": "all"}),
        invoices=_all_of(stripe_url, "invoices", {"expand[]": "data.payments"}),
        audit=emulator_audit(stripe_url),
        topics=records.all_of(names),
        lags=lags,
        logs={file.name: file.read_text(errors="replace") for file in stack.logs.glob("*.log*")},
        secrets=secrets,
        quota=quota,
        arrivals=arrivals,
        disturbed=disturbed,
        healed_at=healed_at,
        unsettled=unsettled,
    )


def _ledger(trace: Trace, service: str) -> Ledger:
    return Ledger(
        payments={row["id"]: row for row in trace.rows(service, _PAYMENTS[service])},
        subscriptions={row["id"]: row for row in trace.rows(service, _SUBSCRIPTIONS[service])},
        paid=trace.rows(service, _PAID[service]),
        outbox=[_with_bytes(row) for row in trace.rows(service, _OUTBOX)],
        inbox=[_with_bytes(row) for row in trace.rows(service, _INBOX)],
        lanes=trace.rows(service, _LANES),
    )


def _with_bytes(row: Row) -> Row:
    return {**row, "value": None if row["value"] is None else bytes(row["value"])}


def _all_of(stripe_url: str, what: str, query: dict[str, str]) -> list[Json]:
    found: list[Json] = []
    params: dict[str, Any] = {"limit": 100, **query}
    while True:
        answer = requests.get(
            f"{stripe_url}/v1/{what}",
            params=params,
            headers={"Authorization": f"Bearer {DEMO_API_KEY}"},
            timeout=TIMEOUT,
        )
        answer.raise_for_status()
        page = answer.json()
        found += page["data"]
        if not page["has_more"]:
            return found
        params["starting_after"] = found[-1]["id"]
