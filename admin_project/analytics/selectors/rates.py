"""All currencies in one, by the rates that an operator entered."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from admin_project.analytics.models import ExchangeRate
from admin_project.analytics.selectors.figures import Point, parts
from admin_project.analytics.selectors.periods import EVERYTHING, Filters, Period
from kafka_bridge.contracts.currencies import decimals


@dataclass(frozen=True, kw_only=True)
class Converted:
    """Sums in minor units of `into`; `missing` are the currencies that no rate leads from."""

    into: str
    volume: int
    refunded: int
    missing: list[str]


@dataclass(frozen=True, kw_only=True)
class ConvertedFigures:
    """All currencies in one, of a period and of the one before."""

    into: str
    now: Converted
    before: Converted


_Rates = dict[str, list[tuple[date, Decimal]]]


def converted(period: Period, into: str, filters: Filters = EVERYTHING) -> Converted:
    """Convert what succeeded and went back, each day's at the rate of that day.

    A day before the first rate takes the first.
    """
    return _converted(parts(period, filters), into, _rates()[into])


def converted_figures(period: Period, filters: Filters = EVERYTHING) -> list[ConvertedFigures]:
    """Convert into each currency that the operator entered a rate into."""
    rates = _rates()
    if not rates:
        return []
    now, before = (parts(one, filters) for one in (period, period.before))
    return [
        ConvertedFigures(
            into=into,
            now=_converted(now, into, rates[into]),
            before=_converted(before, into, rates[into]),
        )
        for into in sorted(rates)
    ]


def _converted(points: Sequence[Point], into: str, rates: _Rates) -> Converted:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    missing = set()
    for point in points:
        if not (point.figures.volume or point.figures.refunded):
            continue
        rate = Decimal(1) if point.currency == into else _rate(rates[point.currency], point)
        if rate is None:
            missing.add(point.currency)
            continue
        factor = rate * Decimal(10) ** (decimals(into) - decimals(point.currency))
        sums["volume"] += point.figures.volume * factor
        sums["refunded"] += point.figures.refunded * factor
    return Converted(
        into=into,
        volume=round(sums["volume"]),
        refunded=round(sums["refunded"]),
        missing=sorted(missing),
    )


def _rates() -> dict[str, _Rates]:
    """Return the rates by what they lead into, and from what, the oldest first."""
    rates: dict[str, _Rates] = defaultdict(lambda: defaultdict(list))
    for rate in ExchangeRate.objects.order_by("valid_from"):
        rates[rate.into][rate.currency].append((rate.valid_from, rate.rate))
    return rates


def _rate(rates: Sequence[tuple[date, Decimal]], point: Point) -> Decimal | None:
    day = point.starts_at.date()
    if not rates:
        return None
    valid = [rate for valid_from, rate in rates if valid_from <= day]
    return valid[-1] if valid else rates[0][1]
