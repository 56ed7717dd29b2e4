"""All currencies in one, by the rates that an operator entered."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from admin_project.analytics.models import ExchangeRate
from admin_project.analytics.selectors.figures import Point, parts
from admin_project.analytics.selectors.periods import EVERYTHING, Filters, Period
from admin_project.analytics.selectors.subscriptions import Movement, Mrr, mrr, mrr_movements
from kafka_bridge.contracts.currencies import decimals


@dataclass(frozen=True, kw_only=True)
class Converted:
    """Sums in minor units of `into`; `missing` are the currencies that no rate leads from.

    `volume` is what was captured of the payments that succeeded.
    """

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


@dataclass(frozen=True, kw_only=True)
class ConvertedMrr:
    """Recurring revenue of all currencies in one, in minor units of `into` a month.

    Before the period, at its end, and what led from the one to the other: they add up. `missing`
    are the currencies that no rate leads from.
    """

    into: str
    amount_before: int
    amount: int
    movements: list[Movement]
    missing: list[str]


@dataclass(frozen=True, kw_only=True)
class _Rates:
    """What leads into a currency: from each other one, the rates by their first day."""

    into: str
    of: dict[str, list[tuple[date, Decimal]]]

    def factor(self, currency: str, day: date) -> Decimal | None:
        """Return how many minor units one of `currency` is worth; None if no rate says.

        A day before the first rate takes the first.
        """
        if currency == self.into:
            return Decimal(1)
        rates = self.of.get(currency)
        if not rates:
            return None
        valid = [rate for valid_from, rate in rates if valid_from <= day]
        places = decimals(self.into) - decimals(currency)
        return (valid[-1] if valid else rates[0][1]) * Decimal(10) ** places


def converted_figures(period: Period, filters: Filters = EVERYTHING) -> list[ConvertedFigures]:
    """Convert what was captured and went back into each currency that there is a rate into.

    Each day's is converted at the rate of that day, and nothing into the chosen currency itself.
    """
    rates = _rates(but=filters.currency)
    if not rates:
        return []
    now, before = (parts(one, filters) for one in (period, period.before))
    return [
        ConvertedFigures(into=one.into, now=_converted(now, one), before=_converted(before, one))
        for one in rates
    ]


def converted_mrr(period: Period, *, currency: str = "") -> list[ConvertedMrr]:
    """Convert recurring revenue, all or of one currency, into each other that there is a rate into.

    All of it by the rates of the period's last day: what moved is what customers did, not the
    rates.
    """
    rates = _rates(but=currency)
    if not rates:
        return []
    before = mrr(period.start, currency=currency)
    moved = mrr_movements(period, currency=currency)
    last_day = (period.end - timedelta(hours=1)).date()  # its last hour's
    return [_converted_mrr(before, moved, one, last_day) for one in rates]


def _converted(points: Sequence[Point], rates: _Rates) -> Converted:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    missing = set()
    for point in points:
        if not (point.figures.volume or point.figures.refunded):
            continue
        factor = rates.factor(point.currency, point.starts_at.date())
        if factor is None:
            missing.add(point.currency)
            continue
        sums["volume"] += point.figures.volume * factor
        sums["refunded"] += point.figures.refunded * factor
    return Converted(
        into=rates.into,
        volume=round(sums["volume"]),
        refunded=round(sums["refunded"]),
        missing=sorted(missing),
    )


def _converted_mrr(
    before: Sequence[Mrr], moved: Sequence[Movement], rates: _Rates, day: date
) -> ConvertedMrr:
    currencies = {one.currency for one in before} | {one.currency for one in moved}
    factors = {currency: rates.factor(currency, day) for currency in currencies}
    exact = sum((one.amount * (factors[one.currency] or 0) for one in before), Decimal())
    changes: dict[str, Decimal] = defaultdict(Decimal)
    counts: dict[str, int] = defaultdict(int)
    for one in moved:
        if factor := factors[one.currency]:
            changes[one.kind] += one.amount * factor
            counts[one.kind] += one.count
    amount = amount_before = round(exact)
    movements = []
    for kind, change in sorted(changes.items()):
        # Sums are rounded, not each change: so the changes add up to the difference.
        exact += change
        movements.append(
            Movement(
                currency=rates.into, kind=kind, amount=round(exact) - amount, count=counts[kind]
            )
        )
        amount = round(exact)
    return ConvertedMrr(
        into=rates.into,
        amount_before=amount_before,
        amount=amount,
        movements=movements,
        missing=sorted(currency for currency, factor in factors.items() if factor is None),
    )


def _rates(*, but: str = "") -> list[_Rates]:
    """Return the rates by what they lead into, which is not `but`."""
    into: dict[str, dict[str, list[tuple[date, Decimal]]]] = defaultdict(lambda: defaultdict(list))
    for rate in ExchangeRate.objects.exclude(into=but).order_by("valid_from"):
        into[rate.into][rate.currency].append((rate.valid_from, rate.rate))
    return [_Rates(into=one, of=of) for one, of in sorted(into.items())]
