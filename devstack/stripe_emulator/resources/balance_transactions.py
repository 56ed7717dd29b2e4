"""Balance transactions: what each payment, refund and dispute adds to the account, and its fee.

The account settles every currency it charges in, but for those that `/_emulator/settlement` names
with the one that they are exchanged for. The fee is Stripe's for a card in the United States, 2.9 %
+ 30 hundredths, rounded half up, in whole minor units; a refund returns no fee; a dispute costs
15.00.
"""

from __future__ import annotations

from typing import Any

import orjson

from devstack.stripe_emulator import currencies
from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.lists import list_objects, matches
from devstack.stripe_emulator.routing import Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()

_PER_MILLE = 29
_FIXED_FEE = 30
_DISPUTE_FEE = 1500
_DAY = 86400


@routes.add("GET", "/v1/balance_transactions", "BalanceTransactionListParams")
def index(request: Request) -> StripeObject:
    """List balance transactions."""
    return list_objects(
        request,
        "balance_transaction",
        where={"source": request.params.get("source")},
        keep=matches(request.params, "type", "currency"),
    )


@routes.add("GET", "/v1/balance_transactions/{id}", "BalanceTransactionRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a balance transaction."""
    return request.session.get("balance_transaction", request.id)


def of_charge(session: Session, charge: StripeObject, *, available_at_once: bool) -> StripeObject:
    """Record what a captured charge brings, minus Stripe's fee."""
    amount: int = charge["amount_captured"]
    return _record(
        session,
        source=charge,
        amount=amount,
        fee=processing_fee(amount, charge["currency"]),
        kind="charge",
        reporting_category="charge",
        available_at_once=available_at_once,
    )


def of_refund(session: Session, refund: StripeObject) -> StripeObject:
    """Record what a refund takes."""
    return _record(
        session,
        source=refund,
        amount=-refund["amount"],
        kind="refund",
        reporting_category="refund",
    )


def of_failed_refund(session: Session, refund: StripeObject) -> StripeObject:
    """Record that a refund came back."""
    return _record(
        session,
        source=refund,
        amount=refund["amount"],
        kind="refund_failure",
        reporting_category="refund_failure",
    )


def of_dispute(session: Session, dispute: StripeObject, *, won: bool) -> StripeObject:
    """Record what a dispute takes, with its fee, or what a won one gives back."""
    return _record(
        session,
        source=dispute,
        amount=dispute["amount"] if won else -dispute["amount"],
        fee=0 if won else _dispute_fee(dispute["currency"]),
        kind="adjustment",
        reporting_category="dispute_reversal" if won else "dispute",
        fee_description="Dispute fee",
    )


def processing_fee(amount: int, currency: str) -> int:
    """Return Stripe's fee for a card payment, in minor units."""
    return (amount * _PER_MILLE + 500) // 1000 + _scaled(_FIXED_FEE, currency)


def _dispute_fee(currency: str) -> int:
    return _scaled(_DISPUTE_FEE, currency)


def _scaled(amount: int, currency: str) -> int:
    """Return an amount of hundredths in the minor unit of a currency."""
    return amount * 10 if currency in currencies.THREE_DECIMAL else amount


def _settled_in(session: Session, currency: str) -> tuple[str, float | None]:
    """Return the currency of the balance, and what one minor unit is worth in it if it differs."""
    exchanged = orjson.loads(session.store.setting("settlement", "{}"))
    settled_in, rate = exchanged.get(currency, (currency, None))
    return settled_in, rate


def _record(
    session: Session,
    *,
    source: StripeObject,
    amount: int,
    kind: str,
    reporting_category: str,
    fee: int = 0,
    fee_description: str = "Stripe processing fees",
    available_at_once: bool = False,
) -> StripeObject:
    currency, rate = _settled_in(session, source["currency"])
    if rate is not None:
        amount, fee = round(amount * rate), round(fee * rate)
    now = session.now(source)
    midnight = now - now % _DAY
    fee_details: list[dict[str, Any]] = []
    if fee:
        fee_details.append(
            {
                "amount": fee,
                "application": None,
                "currency": currency,
                "description": fee_description,
                "type": "stripe_fee",
            }
        )
    return session.create(
        "balance_transaction",
        created=now,
        amount=amount,
        available_on=now if available_at_once else midnight + 2 * _DAY,
        balance_type="payments",
        currency=currency,
        description=source.get("description"),
        exchange_rate=rate,
        fee=fee,
        fee_details=fee_details,
        net=amount - fee,
        reporting_category=reporting_category,
        source=source["id"],
        status="available" if available_at_once else "pending",
        type=kind,
    )
