"""Keeping the ledger."""

from collections.abc import Iterator, Sequence
from typing import Final

from admin_project.ledger.models import Account, BalanceTransaction, Entry
from kafka_bridge import bulk
from kafka_bridge.contracts import BalanceTransactionRecorded

_COUNTERPART: Final = {
    "charge": Account.CHARGES,
    "charge_failure": Account.CHARGES,
    "refund": Account.REFUNDS,
    "partial_capture_reversal": Account.REFUNDS,
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


def record_balance(events: Sequence[BalanceTransactionRecorded]) -> None:
    """Enter the balance transactions that the ledger does not have."""
    told = {event.balance_transaction_id: event for event in events}
    new = bulk.insert_missing([_transaction(event) for event in told.values()])
    Entry.objects.bulk_create([entry for one in sorted(new) for entry in entries_of(told[one])])


def entries_of(event: BalanceTransactionRecorded) -> Iterator[Entry]:
    """Return what a balance transaction adds to each account: zero in all."""
    counterpart = _COUNTERPART.get(event.reporting_category, Account.OTHER)
    amounts = (
        (Account.STRIPE_BALANCE, event.net),
        (counterpart, -event.amount),
        (Account.FEES, event.fee),
    )
    for line, (account, amount) in enumerate(amounts):
        if amount:
            yield Entry(
                balance_transaction_id=event.balance_transaction_id,
                line=line,
                account=account.value,
                currency=event.currency,
                amount=amount,
                payment_id=event.payment_id,
                occurred_at=event.occurred_at,
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
        source_id=event.source_id,
        payment_id=event.payment_id,
        payment_intent_id=event.payment_intent_id or "",
        occurred_at=event.occurred_at,
        available_on=event.available_on,
    )
