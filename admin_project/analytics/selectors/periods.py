"""What figures are asked of: a time, and which payments."""

from collections.abc import Mapping
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

    def rows(self) -> Q:
        """Select the sums of the period: of whole days where it has them, else of hours."""
        first = self.start.replace(hour=0)
        if first < self.start:
            first += timedelta(days=1)
        last = self.end.replace(hour=0)
        if first >= last:
            return Q(grain=Grain.HOUR, starts_at__gte=self.start, starts_at__lt=self.end)
        rows = Q(grain=Grain.DAY, starts_at__gte=first, starts_at__lt=last)
        if self.start < first:
            rows |= Q(grain=Grain.HOUR, starts_at__gte=self.start, starts_at__lt=first)
        if last < self.end:
            rows |= Q(grain=Grain.HOUR, starts_at__gte=last, starts_at__lt=self.end)
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
