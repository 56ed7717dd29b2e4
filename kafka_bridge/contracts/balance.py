"""Events about the account at Stripe: every movement of its balance, and how many there were."""

import hashlib
from typing import Annotated, ClassVar, Final, Literal
from uuid import UUID

from pydantic import Field

from kafka_bridge.contracts.base import (
    Code,
    Contract,
    Currency,
    Event,
    Identifier,
    SignedMinorUnits,
    SignedSum,
    Source,
    Timestamp,
    Version,
)
from kafka_bridge.contracts.topics import Topic

ACCOUNT: Final = "account"
"""The `customer_id` of what concerns no customer, as a payout."""


class BalanceTransactionRecorded(Event):
    """Stripe's balance moved: a charge, refund, dispute, fee or payout. From payment to admin.

    https://docs.stripe.com/api/balance_transactions/object
    """

    topic: ClassVar = Topic.PAYMENT_BALANCE

    event_type: Literal[Topic.PAYMENT_BALANCE] = Topic.PAYMENT_BALANCE
    version: Version = "1.1"
    source: Source = "payment-service"
    balance_transaction_id: Identifier
    """Stripe's `txn_…`. It never changes, and is told once however often it is read."""
    type: Code
    """Stripe's word: charge, payment, refund, adjustment, payout, stripe_fee and others."""
    reporting_category: Code
    """Stripe's word: charge, refund, dispute, dispute_reversal, fee, payout and others."""
    amount: SignedMinorUnits
    fee: SignedMinorUnits
    net: SignedMinorUnits
    """`amount` less `fee`."""
    currency: Currency
    """That of the balance, in which Stripe settles."""
    presentment_amount: SignedMinorUnits | None = None
    """`amount` as the customer paid or got it, where that was in another currency."""
    presentment_currency: Currency | None = None
    source_id: Code = ""
    """What it comes from: a charge, a refund, a dispute, a payout."""
    payment_id: UUID | None = None
    """Ours, if it is about a payment that came through here."""
    payment_intent_id: Code | None = None
    occurred_at: Timestamp
    available_on: Timestamp


class CurrencyCount(Contract):
    """How many balance transactions of a currency there were, and what they come to."""

    currency: Currency
    transactions: Annotated[int, Field(gt=0)]
    amount: SignedSum
    fee: SignedSum
    net: SignedSum
    checksum: Annotated[int, Field(ge=0, le=999_999_999_999_999_999)] | None = None
    """The sum of the first 8 hex digits of the MD5 of `id:amount:fee` of each, as numbers. Errors
    that cancel out in the other sums change it."""

    @staticmethod
    def checksum_of(balance_transaction_id: str, *, amount: int, fee: int) -> int:
        """Return what a balance transaction adds to the checksum."""
        text = f"{balance_transaction_id}:{amount}:{fee}"
        return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8], 16)


class BalanceCounted(Event):
    """What Stripe lists of a day, to compare a ledger with. From payment to admin.

    It is told after the transactions that it counts. A later count of a day takes the place of an
    earlier one: https://docs.stripe.com/api/balance_transactions/list
    """

    topic: ClassVar = Topic.PAYMENT_BALANCE_COUNTED

    event_type: Literal[Topic.PAYMENT_BALANCE_COUNTED] = Topic.PAYMENT_BALANCE_COUNTED
    version: Version = "1.1"
    source: Source = "payment-service"
    customer_id: Identifier = ACCOUNT
    since: Timestamp
    """The day's beginning, in UTC."""
    until: Timestamp
    """Its end, or how far it was counted. What happened at this moment is not counted any more."""
    currencies: Annotated[tuple[CurrencyCount, ...], Field(max_length=300)] = ()
    """Those that moved on that day."""
