"""Figures of payments."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypedDict

from django.db.models import Q, Sum

from admin_project.analytics.models import Grain, PaymentAggregate
from admin_project.analytics.selectors.periods import (
    EVERYTHING,
    Filters,
    Percentiles,
    Period,
    Property,
    share,
)
from kafka_bridge.contracts import PaymentStatus

_DIMENSION: Final = PaymentAggregate.Dimension
_FAILED: Final = (
    PaymentStatus.REQUIRES_PAYMENT_METHOD,
    PaymentStatus.CANCELED,
    PaymentStatus.FAILED,
)
_MEASURES: Final = ("count", "captured", "refunded", "refunds", "disputes")
Breakdown = Property | Literal["payment_type", "currency", "status"]


class PaymentFigures(TypedDict):
    """How many payments there are, by status, and what was captured of those that succeeded.

    In minor units by currency.
    """

    count: int
    by_status: dict[str, int]
    volume: dict[str, int]


@dataclass(kw_only=True)
class Figures:
    """What became of some payments of one currency, in minor units.

    `volume` is what was captured of those that succeeded. What came back did so in this time, of
    whatever payments.
    """

    count: int = 0
    succeeded: int = 0
    failed: int = 0
    """Declined, canceled, or refused by Stripe; the rest is not final."""
    volume: int = 0
    captured: int = 0
    refunded: int = 0
    refunds: int = 0
    """How many were made, less those that failed."""
    disputes: int = 0

    @property
    def success_rate(self) -> float | None:
        """The share that succeeded of those that are decided: that succeeded or failed."""
        return share(self.succeeded, self.succeeded + self.failed)

    @property
    def conversion(self) -> float | None:
        """The share that succeeded of all."""
        return share(self.succeeded, self.count)

    @property
    def failure_rate(self) -> float | None:
        """The share that failed of all."""
        return share(self.failed, self.count)

    @property
    def average(self) -> int | None:
        """What was captured of those that succeeded, on average."""
        return round(self.volume / self.succeeded) if self.succeeded else None

    def add(self, row: dict[str, Any]) -> None:
        """Add the sums of the payments with one status."""
        self.count += row["count"]
        self.captured += int(row["captured"])
        self.refunded += int(row["refunded"])
        self.refunds += row["refunds"]
        self.disputes += row["disputes"]
        if row["status"] == PaymentStatus.SUCCEEDED:
            self.succeeded += row["count"]
            self.volume += int(row["captured"])
        elif row["status"] in _FAILED:
            self.failed += row["count"]


@dataclass(frozen=True, kw_only=True)
class CurrencyFigures:
    """The figures of a currency, and those of the period before."""

    currency: str
    now: Figures
    before: Figures


@dataclass(frozen=True, kw_only=True)
class Point:
    """The figures of an hour or a day, in one currency."""

    starts_at: datetime
    currency: str
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The figures of the payments with one value of a property, in one currency."""

    value: str
    currency: str
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """How many payments there were, and what became of those whose bank asked for 3-D Secure."""

    payments: int
    asked: int
    challenged: int
    """The customer answered a question of their bank's; of others it was sure without, or nobody
    answered."""
    completed: int
    """The bank was sure, and the payment went through, or was canceled by somebody else."""
    failed: int
    """The bank, or the customer, said no; also where the payment was given up since."""
    abandoned: int
    """Nobody answered until the payment was canceled."""
    waiting: int


def payment_figures() -> PaymentFigures:
    """Count all payments."""
    by_status: dict[str, int] = defaultdict(int)
    volume: dict[str, int] = {}
    rows = _sums(Q(dimension=_DIMENSION.ALL, grain=Grain.MONTH), "status", "currency")
    for row in rows:
        by_status[row["status"]] += row["count"]
        if row["status"] == PaymentStatus.SUCCEEDED:
            volume[row["currency"]] = int(row["captured"])
    return {"count": sum(by_status.values()), "by_status": dict(by_status), "volume": volume}


def figures(period: Period, filters: Filters = EVERYTHING) -> list[CurrencyFigures]:
    """Return the figures by currency, of the period and the one before, most payments first."""
    both = [_by_currency(one, filters) for one in (period, period.before)]
    found = [
        CurrencyFigures(
            currency=currency,
            now=both[0].get(currency, Figures()),
            before=both[1].get(currency, Figures()),
        )
        for currency in both[0].keys() | both[1].keys()
    ]
    return sorted(found, key=lambda one: (-one.now.count, one.currency))


def series(
    period: Period, filters: Filters = EVERYTHING, *, grain: Grain = Grain.DAY
) -> list[Point]:
    """Return the figures of each hour or day of the period that has any, the oldest first.

    A day that the period cuts counts as a whole.
    """
    start = period.start.replace(hour=0) if grain == Grain.DAY else period.start
    return _points(Q(grain=grain, starts_at__gte=start, starts_at__lt=period.end), filters)


def parts(period: Period, filters: Filters = EVERYTHING) -> list[Point]:
    """Return the figures of each whole day, and of each hour of those that the period cuts."""
    return _points(period.rows(Grain.DAY), filters)


def breakdown(period: Period, by: Breakdown, filters: Filters = EVERYTHING) -> list[Slice]:
    """Return the figures of each value of a property, most payments first.

    Payments without a value of it are in none. `filters.by` counts only where `by` is a type,
    currency or status.
    """
    if by in ("payment_type", "currency", "status"):
        rows, name = filters.rows(), str(by)
    else:
        rows, name = filters.along(by), "value"
    slices: dict[tuple[str, str], Figures] = defaultdict(Figures)
    for row in _sums(period.rows() & rows, *{name, "currency", "status"}):
        slices[row[name], row["currency"]].add(row)
    found = [
        Slice(value=value, currency=currency, figures=one)
        for (value, currency), one in slices.items()
    ]
    return sorted(found, key=lambda one: (-one.figures.count, one.value, one.currency))


def three_d_secure_funnel(period: Period, filters: Filters = EVERYTHING) -> Funnel:
    """Follow the payments whose bank asked for 3-D Secure. `filters.by` is left out."""
    payments = challenged = 0
    asked: dict[str, int] = defaultdict(int)
    canceled: dict[str, int] = defaultdict(int)
    for dimension in (_DIMENSION.ALL, _DIMENSION.THREE_D_SECURE):
        for row in _sums(period.rows() & filters.along(dimension), "value", "status"):
            if dimension == _DIMENSION.ALL:
                payments += row["count"]
            else:
                asked[row["status"]] += row["count"]
                challenged += row["count"] if row["value"] else 0
                if row["status"] == PaymentStatus.CANCELED:
                    # Who failed the challenge is given up later; who passed it may be canceled too.
                    canceled[row["value"]] += row["count"]
    total = sum(asked.values())
    failed = asked[PaymentStatus.REQUIRES_PAYMENT_METHOD] + asked[PaymentStatus.FAILED]
    ended = {
        "failed": failed + canceled["refused"],
        "abandoned": canceled[""],
        "waiting": asked[PaymentStatus.REQUIRES_ACTION],
    }
    completed = total - sum(ended.values())
    return Funnel(
        payments=payments, asked=total, challenged=challenged, completed=completed, **ended
    )


def latency(period: Period, filters: Filters = EVERYTHING) -> Percentiles:
    """Return how long requests took until Stripe's first answer. `filters.by` is left out."""
    rows = _sums(period.rows() & filters.along(_DIMENSION.LATENCY), "value")
    return Percentiles.of({int(row["value"]): row["count"] for row in rows})


def _points(when: Q, filters: Filters) -> list[Point]:
    points: dict[tuple[datetime, str], Figures] = defaultdict(Figures)
    for row in _sums(when & filters.rows(), "starts_at", "currency", "status"):
        points[row["starts_at"], row["currency"]].add(row)
    return [
        Point(starts_at=starts_at, currency=currency, figures=points[starts_at, currency])
        for starts_at, currency in sorted(points)
    ]


def _by_currency(period: Period, filters: Filters) -> dict[str, Figures]:
    by_currency: dict[str, Figures] = defaultdict(Figures)
    for row in _sums(period.rows() & filters.rows(), "currency", "status"):
        by_currency[row["currency"]].add(row)
    return by_currency


def _sums(rows: Q, *by: str) -> list[dict[str, Any]]:
    # An annotation cannot have a field's name, so they are named for it afterwards.
    found = (
        PaymentAggregate.objects.filter(rows)
        .order_by()
        .values_list(*by)
        .annotate(*(Sum(name) for name in _MEASURES))
    )
    return [dict(zip((*by, *_MEASURES), row, strict=True)) for row in found]
