"""All currencies in one, by the rates that an operator entered."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from admin_project.analytics.models import ExchangeRate, Grain
from admin_project.analytics.selectors.figures import series
from admin_project.analytics.selectors.periods import EVERYTHING, Filters, Period
from kafka_bridge.contracts.currencies import decimals


@dataclass(frozen=True, kw_only=True)
class Converted:
    """Sums in minor units of `into`; `missing` are the currencies that no rate leads from."""

    into: str
    volume: int
    refunded: int
    missing: list[str]


def converted(period: Period, into: str, filters: Filters = EVERYTHING) -> Converted:
    """Convert what succeeded and went back, each day's at the rate of that day.

    A day before the first rate takes the first. Days that the period cuts count as a whole.
    """
    rates = _rates(into)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    missing = set()
    for point in series(period, filters, grain=Grain.DAY):
        rate = _rate(rates.get(point.currency), point.starts_at.date(), point.currency == into)
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


_Rates = list[tuple[date, Decimal]]


def _rates(into: str) -> dict[str, _Rates]:
    rates: dict[str, _Rates] = defaultdict(list)
    for rate in ExchangeRate.objects.filter(into=into).order_by("valid_from"):
        rates[rate.currency].append((rate.valid_from, rate.rate))
    return rates


def _rate(rates: _Rates | None, day: date, same: bool) -> Decimal | None:
    if same:
        return Decimal(1)
    if not rates:
        return None
    valid = [rate for valid_from, rate in rates if valid_from <= day]
    return valid[-1] if valid else rates[0][1]
