"""What figures are asked of: a time, and which payments."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from django.db.models import Q

from admin_project.analytics.latency import percentile
from admin_project.analytics.models import Grain, PaymentAggregate

_DIMENSION = PaymentAggregate.Dimension
Property = Literal["country", "card_brand", "decline_code", "plan"]


@dataclass(frozen=True)
class Period:
    """From `start` until before `end`, both moved down to whole hours."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Cut what is finer than an hour: sums are no finer."""
        for name in ("start", "end"):
            hour = getattr(self, name).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            object.__setattr__(self, name, hour)

    @classmethod
    def until(cls, now: datetime, *, days: int) -> Self:
        """Return the days that end with the running hour, which is part of it."""
        end = now + timedelta(hours=1)
        return cls(end - timedelta(days=days), end)

    @property
    def before(self) -> "Period":
        """The period of the same length that ends where this one starts."""
        return Period(self.start - (self.end - self.start), self.start)

    def rows(self, longest: Grain = Grain.MONTH) -> Q:
        """Select the sums of the period: of whole months, else of days, else of hours.

        With DAY as the longest there are none of months.
        """
        grains = (Grain.MONTH, Grain.DAY, Grain.HOUR)
        rows = Q()
        for grain, start, end in _parts(self.start, self.end, grains[grains.index(longest) :]):
            rows |= Q(grain=grain, starts_at__gte=start, starts_at__lt=end)
        return rows


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which payments: of a currency, of a type, and with one value of one property."""

    currency: str = ""
    payment_type: str = ""
    by: Property | None = None
    value: str = ""

    def rows(self) -> Q:
        """Select their sums."""
        return self.along(self.by or _DIMENSION.ALL) & (Q(value=self.value) if self.by else Q())

    def along(self, dimension: str) -> Q:
        """Select the sums along a dimension, of the currency and type; `by` is left out."""
        rows = Q(dimension=dimension)
        if self.currency:
            rows &= Q(currency=self.currency)
        if self.payment_type:
            rows &= Q(payment_type=self.payment_type)
        return rows


EVERYTHING = Filters()


def _parts(
    start: datetime, end: datetime, grains: Sequence[Grain]
) -> Iterator[tuple[Grain, datetime, datetime]]:
    """Cut a time into parts of the first grain, and what is left at its ends of finer ones."""
    grain, *finer = grains
    first, last = _down(start, grain), _down(end, grain)
    if first < start:
        first = _next(first, grain)
    if first < last:
        yield grain, first, last
    elif finer:
        yield from _parts(start, end, finer)
        return
    if start < first:
        yield from _parts(start, first, finer)
    if last < end:
        yield from _parts(last, end, finer)


def _down(moment: datetime, grain: Grain) -> datetime:
    if grain == Grain.MONTH:
        return moment.replace(day=1, hour=0)
    return moment.replace(hour=0) if grain == Grain.DAY else moment


def _next(start: datetime, grain: Grain) -> datetime:
    if grain == Grain.MONTH:
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Percentiles:
    """Milliseconds that half, 95 and 99 of 100 took at most, up to a tenth too many."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, buckets: Mapping[int, int]) -> Self:
        """Read them from counts by bucket of `latency`."""
        return cls(
            count=sum(buckets.values()),
            p50=percentile(buckets, 0.50),
            p95=percentile(buckets, 0.95),
            p99=percentile(buckets, 0.99),
        )


def share(part: int, whole: int) -> float | None:
    """Return the part of the whole, from 0 to 1; None of nothing."""
    return part / whole if whole else None
