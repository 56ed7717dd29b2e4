"""Counting what Stripe lists of the balance: a ledger that lacks anything differs from it."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Min, Q

from kafka_bridge import outbox
from kafka_bridge.contracts import BalanceCounted
from payment_project.balance.models import BalanceTransaction, Watermark
from payment_project.balance.services.recording import OVERLAP
from payment_project.stripe_gateway.balance import count_movements
from payment_project.stripe_gateway.client import calls_from_here

_DAY: Final = timedelta(days=1)


def count_balance(*, days: int = 0) -> int:
    """Publish what Stripe lists of each UTC day since the last count, and of today so far.

    It counts what it had the time to record, and begins with the first day of which anything is
    recorded. `days` counts that many before today again. It may be killed at any time and run
    beside itself: a day is counted again then. Returns how many days were told.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    watermark = Watermark.objects.first()
    if watermark is None:
        return 0
    end = (watermark.read_until - OVERLAP).replace(microsecond=0)
    since, told = _first_day(watermark, end - days * _DAY), 0
    with calls_from_here() as finish:
        while since < end:
            until = min(since + _DAY, end)
            currencies = finish(count_movements(since, until))
            with transaction.atomic():
                outbox.publish(
                    BalanceCounted(since=since, until=until, currencies=tuple(currencies))
                )
                _counted(until=until)
            since, told = until, told + 1
    return told


def _first_day(watermark: Watermark, moment: datetime) -> datetime:
    counted_until = watermark.counted_until
    if counted_until is None:
        counted_until = BalanceTransaction.objects.aggregate(first=Min("occurred_at"))["first"]
    first = min(counted_until or moment, moment)
    return datetime.combine(first.astimezone(UTC), time.min, UTC)


def _counted(*, until: datetime) -> None:
    """Note how far the balance was counted; another run that got further stays."""
    behind = Q(counted_until__lt=until) | Q(counted_until=None)
    Watermark.objects.filter(behind).update(counted_until=until)
