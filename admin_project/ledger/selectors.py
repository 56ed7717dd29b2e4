"""Reading the ledger, and checking it against the payments and against what Stripe lists."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Max, Sum

from admin_project.ledger.models import Entry, StripeCount

SETTLES_WITHIN: Final = timedelta(minutes=10)
"""A payment's balance transactions are told after it, as the payment service reads them."""


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What is in an account of a currency, in minor units: debits less credits."""

    account: str
    currency: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A payment of which the ledger says other than what the payment service measured."""

    payment_id: str
    currency: str
    what: str
    """captured or refunded."""
    measured: int
    in_ledger: int


@dataclass(frozen=True, kw_only=True)
class StripeDifference:
    """A day of which the ledger says other than what Stripe lists."""

    day: date
    """In UTC."""
    currency: str
    what: str
    """transactions (their number), amount, fee or net; checksum, if these are the same."""
    at_stripe: int
    in_ledger: int


# In the currency it was paid in, whatever currency Stripe settled it in; what was entered before
# that was told is left out.
_DIFFERENCES: Final = """
WITH entered AS (
    SELECT payment_id, coalesce(nullif(presentment_currency, ''), currency) AS currency,
        -sum(coalesce(presentment_amount, amount)) FILTER (WHERE account = 'charges') AS captured,
        sum(coalesce(presentment_amount, amount)) FILTER (WHERE account = 'refunds') AS refunded,
        max(occurred_at) AS entered_at
    FROM ledger_entry
    WHERE payment_id IS NOT NULL AND account IN ('charges', 'refunds')
    GROUP BY 1, 2
), compared AS (
    SELECT payment_id, currency,
        coalesce(fact.captured, 0) AS captured, coalesce(fact.refunded, 0) AS refunded,
        coalesce(entered.captured, 0) AS entered_captured,
        coalesce(entered.refunded, 0) AS entered_refunded
    FROM analytics_paymentfact AS fact
    FULL JOIN entered USING (payment_id, currency)
    WHERE (%(before)s IS NULL OR coalesce(fact.measured_at, entered_at) < %(before)s)
    AND NOT EXISTS (
        SELECT FROM analytics_paymentfact AS paid JOIN ledger_entry AS settled USING (payment_id)
        WHERE payment_id = coalesce(fact.payment_id, entered.payment_id)
        AND settled.account IN ('charges', 'refunds')
        AND settled.presentment_currency = '' AND settled.currency <> paid.currency
    )
)
SELECT payment_id::text, currency, what, measured, entered
FROM compared, LATERAL (VALUES
    ('captured', captured, entered_captured), ('refunded', refunded, entered_refunded)
) AS pair (what, measured, entered)
WHERE measured <> entered
ORDER BY payment_id, what, currency
LIMIT %(limit)s
"""

# Counts of before there were checksums have none.
_DIFFERENCES_FROM_STRIPE: Final = """
WITH listed AS (
    SELECT day, currency, transactions, amount, fee, net, checksum
    FROM ledger_stripecount, jsonb_to_recordset(currencies) AS one
        (currency text, transactions bigint, amount bigint, fee bigint, net bigint,
         checksum bigint)
), entered AS (
    SELECT day, currency, count(*) AS transactions,
        sum(amount) AS amount, sum(fee) AS fee, sum(net) AS net,
        sum(('x' || left(md5(balance_transaction_id || ':' || amount || ':' || fee), 8))
            ::bit(32)::bigint) AS checksum
    FROM ledger_stripecount, ledger_balancetransaction
    WHERE occurred_at >= since AND occurred_at < until
    GROUP BY day, currency
)
SELECT day, currency, what, coalesce(at_stripe, 0), coalesce(in_ledger, 0)
FROM listed FULL JOIN entered USING (day, currency), LATERAL (VALUES
    ('transactions', listed.transactions, entered.transactions),
    ('amount', listed.amount, entered.amount),
    ('fee', listed.fee, entered.fee),
    ('net', listed.net, entered.net),
    ('checksum', listed.checksum, entered.checksum)
) AS pair (what, at_stripe, in_ledger)
WHERE coalesce(at_stripe, 0) <> coalesce(in_ledger, 0)
AND (what <> 'checksum' OR listed.checksum IS NOT NULL
    AND (listed.transactions, listed.amount, listed.fee)
        = (entered.transactions, entered.amount, entered.fee))
ORDER BY day DESC, currency, what
LIMIT %s
"""


def balances() -> list[Balance]:
    """Return what is in each account, by currency. A currency's accounts sum to zero."""
    rows = Entry.objects.order_by().values_list("currency", "account").annotate(Sum("amount"))
    return [
        Balance(account=account, currency=currency, amount=int(amount))
        for currency, account, amount in sorted(rows)
    ]


def unbalanced() -> Iterator[tuple[str, int]]:
    """Return the currencies whose entries do not sum to zero, with what they sum to: none."""
    rows = Entry.objects.order_by().values_list("currency").annotate(Sum("amount"))
    yield from ((currency, int(amount)) for currency, amount in rows if amount)


def differences(*, measured_before: datetime | None = None, limit: int = 1000) -> list[Difference]:
    """Return where ledger and measured payments differ, by payment and currency, to the cent.

    A charge of a payment that was never measured differs as well.

    `measured_before` leaves newer payments out: before SETTLES_WITHIN they differ as a rule.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, {"before": measured_before, "limit": limit})
        return [
            Difference(
                payment_id=payment_id,
                currency=currency,
                what=what,
                measured=measured,
                in_ledger=int(entered),
            )
            for payment_id, currency, what, measured, entered in cursor.fetchall()
        ]


def differences_from_stripe(*, limit: int = 1000) -> list[StripeDifference]:
    """Return where ledger and Stripe differ, by day and currency, to the cent; the newest first.

    Errors that cancel out in the sums of a day are known by its checksum.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES_FROM_STRIPE, [limit])
        return [
            StripeDifference(
                day=day,
                currency=currency,
                what=what,
                at_stripe=int(at_stripe),
                in_ledger=int(in_ledger),
            )
            for day, currency, what, at_stripe, in_ledger in cursor.fetchall()
        ]


def compared_until() -> datetime | None:
    """Return until when Stripe's transactions are compared; None before the first count."""
    until: datetime | None = StripeCount.objects.aggregate(until=Max("until"))["until"]
    return until
