"""Recording the balance at Stripe: every transaction once, none left out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction

from kafka_bridge import bulk, database, outbox
from kafka_bridge.contracts import ACCOUNT, BalanceTransactionRecorded
from payment_project.balance import selectors
from payment_project.balance.models import BalanceTransaction, Watermark
from payment_project.balance.selectors import Whose
from payment_project.stripe_gateway.balance import Movement, movements_since
from payment_project.stripe_gateway.client import calls_from_here

OVERLAP: Final = timedelta(minutes=10)
"""Read again each time: Stripe counts in whole seconds, its lists lag, and clocks differ."""
_PATIENCE: Final = timedelta(minutes=2)
"""How long a payment's own events may take to tell whose it is. Less than the overlap."""

_RECORDED: Final = UUID("9d0c6c1e-5b0a-5c0f-8f55-62616c616e63")


def record_balance(*, since: datetime | None = None) -> int:
    """Record what the balance moved by since the last time, or since an earlier moment; publish it.

    It may be killed at any time and run beside itself: a transaction is recorded and published
    together, once. Returns how many were new.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    began, recorded, after = database.now(), 0, None
    moment = _read_until() - OVERLAP
    if since:
        moment = min(since, moment)  # what was not read yet is not passed over
    with calls_from_here() as finish:
        while True:
            page = finish(movements_since(moment, after=after))
            recorded += _record(page.movements, known_by=began - _PATIENCE)
            if page.next_after is None:
                break
            after = page.next_after
    _read(until=began)
    return recorded


@transaction.atomic
def _record(movements: Sequence[Movement], *, known_by: datetime) -> int:
    owners = selectors.owners_of(movements)
    # Of a payment that nobody knows yet, its own events may still tell: it is read again.
    ripe = [
        one
        for one in movements
        if not one.payment_intent_id
        or owners[one.balance_transaction_id].payment_id
        or one.occurred_at < known_by
    ]
    new = bulk.insert_missing([_row(one, owners[one.balance_transaction_id]) for one in ripe])
    outbox.publish(
        *[
            _event(one, owners[one.balance_transaction_id])
            for one in reversed(ripe)
            if one.balance_transaction_id in new
        ]
    )
    return len(new)


def _read_until() -> datetime:
    found = Watermark.objects.values_list("read_until", flat=True).first()
    return found or datetime(2011, 1, 1, tzinfo=UTC)  # no account is older than Stripe


def _read(*, until: datetime) -> None:
    """Note how far the balance was read; another run that got further stays."""
    Watermark.objects.get_or_create(id=1, defaults={"read_until": until})
    Watermark.objects.filter(read_until__lt=until).update(read_until=until)


def _row(one: Movement, whose: Whose) -> BalanceTransaction:
    return BalanceTransaction(
        id=one.balance_transaction_id,
        type=one.type,
        reporting_category=one.reporting_category,
        amount=one.amount,
        fee=one.fee,
        net=one.net,
        currency=one.currency,
        presentment_amount=one.presentment_amount,
        presentment_currency=one.presentment_currency or "",
        source_id=one.source_id,
        payment_intent_id=one.payment_intent_id,
        payment_id=whose.payment_id,
        customer_id=whose.customer_id,
        occurred_at=one.occurred_at,
        available_on=one.available_on,
    )


def _event(one: Movement, whose: Whose) -> BalanceTransactionRecorded:
    return BalanceTransactionRecorded(
        event_id=uuid5(_RECORDED, one.balance_transaction_id),
        correlation_id=one.correlation_id,
        customer_id=whose.customer_id or ACCOUNT,
        balance_transaction_id=one.balance_transaction_id,
        type=one.type,
        reporting_category=one.reporting_category,
        amount=one.amount,
        fee=one.fee,
        net=one.net,
        currency=one.currency,
        presentment_amount=one.presentment_amount,
        presentment_currency=one.presentment_currency,
        source_id=one.source_id,
        payment_id=whose.payment_id,
        payment_intent_id=one.payment_intent_id or None,
        occurred_at=one.occurred_at,
        available_on=one.available_on,
    )
