"""Balance transactions: what Stripe's account gains and loses, and by what."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from kafka_bridge.contracts import CurrencyCount
from kafka_bridge.ids import uuid_or_none
from payment_project.stripe_gateway.lists import all_of, page_of


@dataclass(frozen=True, slots=True)
class Movement:
    """A balance transaction, and what its source says of where it comes from."""

    balance_transaction_id: str
    type: str
    reporting_category: str
    amount: int
    fee: int
    net: int
    currency: str
    presentment_amount: int | None
    """As the customer paid or got it; None where that was in `currency`."""
    presentment_currency: str | None
    occurred_at: datetime
    available_on: datetime
    source_id: str = ""
    payment_intent_id: str = ""
    stripe_customer_id: str = ""
    payment_id: UUID | None = None
    """By our own metadata, which Stripe copies from a PaymentIntent to its charges."""
    customer_id: str = ""
    correlation_id: UUID | None = None
    """These too."""


class MovementPage(NamedTuple):
    """Movements, the newest first, and after which id older ones follow; None if none do."""

    movements: Sequence[Movement]
    next_after: str | None


async def movements_since(moment: datetime, *, after: str | None = None) -> MovementPage:
    """List a hundred movements since a moment, each with its source, in one call.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    params = {"created": {"gte": int(moment.timestamp())}, "expand": ["data.source"]}
    page = await page_of("/v1/balance_transactions", params, after=after)
    return MovementPage([_movement(item) for item in page.items], page.next_after)


async def count_movements(since: datetime, until: datetime) -> list[CurrencyCount]:
    """List the movements from a whole second on, before another, and count them by currency.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    params = {"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}}
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    async for one in all_of("/v1/balance_transactions", params):
        sums[one["currency"]].update(
            transactions=1,
            amount=one["amount"],
            fee=one["fee"],
            net=one["net"],
            checksum=CurrencyCount.checksum_of(one["id"], amount=one["amount"], fee=one["fee"]),
        )
    return [CurrencyCount(currency=currency, **sums[currency]) for currency in sorted(sums)]


def _movement(transaction: Mapping[str, Any]) -> Movement:
    source = transaction["source"] or {}
    if isinstance(source, str):  # of a kind that Stripe does not expand
        source = {"id": source}
    metadata = source.get("metadata") or {}
    presentment_amount, presentment_currency = _presentment(transaction, source)
    return Movement(
        balance_transaction_id=transaction["id"],
        type=transaction["type"],
        reporting_category=transaction["reporting_category"],
        amount=transaction["amount"],
        fee=transaction["fee"],
        net=transaction["net"],
        currency=transaction["currency"],
        presentment_amount=presentment_amount,
        presentment_currency=presentment_currency,
        occurred_at=datetime.fromtimestamp(transaction["created"], UTC),
        available_on=datetime.fromtimestamp(transaction["available_on"], UTC),
        source_id=source.get("id") or "",
        payment_intent_id=_id(source.get("payment_intent")),
        stripe_customer_id=_id(source.get("customer")),
        payment_id=uuid_or_none(metadata.get("payment_id")),
        customer_id=metadata.get("customer_id", "")[:255],
        correlation_id=uuid_or_none(metadata.get("correlation_id")),
    )


def _presentment(
    transaction: Mapping[str, Any], source: Mapping[str, Any]
) -> tuple[int | None, str | None]:
    """Return what the source says, if Stripe exchanged it: a charge, a refund or a dispute."""
    currency = source.get("currency")
    if currency in (None, transaction["currency"]) or "amount" not in source:
        return None, None
    # Of a charge captured in part it is all, if the rest is given back by another transaction.
    amounts = (source["amount"], source.get("amount_captured", source["amount"]))
    rate = transaction.get("exchange_rate") or 1
    amount = min(amounts, key=lambda one: abs(one * rate - abs(transaction["amount"])))
    return (-amount if transaction["amount"] < 0 else amount), currency


def _id(reference: Any) -> str:
    return reference if isinstance(reference, str) else ""
