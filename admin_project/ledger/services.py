"""Keeping the ledger."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date
from typing import Final

from admin_project.ledger.models import Account, BalanceTransaction, Entry, StripeCount
from kafka_bridge import bulk
from kafka_bridge.contracts import BalanceCounted, BalanceTransactionRecorded, Event

RECORDED: Final[frozenset[type[Event]]] = frozenset({BalanceTransactionRecorded, BalanceCounted})

_COUNTERPART: Final = {
    "charge": Account.CHARGES,
    "charge_failure": Account.CHARGES,
    "partial_capture_reversal": Account.CHARGES,
    "refund": Account.REFUNDS,
    "refund_failure": Account.REFUNDS,
    "dispute": Account.DISPUTES,
    "dispute_reversal": Account.DISPUTES,
    "fee": Account.FEES,
    "network_cost": Account.FEES,
    "tax": Account.FEES,
    "payout": Account.PAYOUTS,
    "payout_reversal": Account.PAYOUTS,
    "payout_failure": Account.PAYOUTS,
}
"""By Stripe's reporting category: https://docs.stripe.com/reports/reporting-categories"""


def record(events: Sequence[Event]) -> None:
    """Enter the balance transactions that the ledger does not have, and note the newest counts."""
    _enter(one for one in events if isinstance(one, BalanceTransactionRecorded))
    _note_counts(one for one in events if isinstance(one, BalanceCounted))


def _enter(events: Iterable[BalanceTransactionRecorded]) -> None:
    told = {event.balance_transaction_id: event for event in events}
    new = bulk.insert_missing([_transaction(event) for event in told.values()])
    Entry.objects.bulk_create([entry for one in sorted(new) for entry in entries_of(told[one])])


def entries_of(event: BalanceTransactionRecorded) -> Iterator[Entry]:
    """Return what a balance transaction adds to each account: zero in all."""
    counterpart = _COUNTERPART.get(event.reporting_category, Account.OTHER)
    of_payment = event.presentment_amount
    amounts = (
        (Account.STRIPE_BALANCE, event.net, None),
        (counterpart, -event.amount, None if of_payment is None else -of_payment),
        (Account.FEES, event.fee, None),
    )
    for line, (account, amount, presented) in enumerate(amounts):
        if amount:
            yield Entry(
                balance_transaction_id=event.balance_transaction_id,
                line=line,
                account=account.value,
                currency=event.currency,
                amount=amount,
                presentment_amount=presented,
                presentment_currency="" if presented is None else event.presentment_currency or "",
                payment_id=event.payment_id,
                occurred_at=event.occurred_at,
            )


def _note_counts(events: Iterable[BalanceCounted]) -> None:
    newest: dict[date, StripeCount] = {}
    for event in events:
        count = _count(event)
        if count.day not in newest or newest[count.day].counted_at < count.counted_at:
            newest[count.day] = count
    bulk.upsert_newer(list(newest.values()), version="counted_at")


def _count(event: BalanceCounted) -> StripeCount:
    return StripeCount(
        day=event.since.astimezone(UTC).date(),
        since=event.since,
        until=event.until,
        currencies=[one.model_dump() for one in event.currencies],
        counted_at=event.timestamp,
    )


def _transaction(event: BalanceTransactionRecorded) -> BalanceTransaction:
    return BalanceTransaction(
        balance_transaction_id=event.balance_transaction_id,
        type=event.type,
        reporting_category=event.reporting_category,
        amount=event.amount,
        fee=event.fee,
        net=event.net,
        currency=event.currency,
        presentment_amount=event.presentment_amount,
        presentment_currency=event.presentment_currency or "",
        source_id=event.source_id,
        payment_id=event.payment_id,
        payment_intent_id=event.payment_intent_id or "",
        occurred_at=event.occurred_at,
        available_on=event.available_on,
    )
