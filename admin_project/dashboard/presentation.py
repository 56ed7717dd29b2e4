"""The figures as the page shows them: cards, charts and bars."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils.safestring import SafeString

from admin_project.analytics.models import Grain
from admin_project.dashboard.charts import Stack, stacked_bars
from admin_project.dashboard.choices import TYPES, Choice
from admin_project.money import money
from admin_project.timeline.hops import written
from kafka_bridge.contracts.currencies import decimals

MOST_BARS: Final = 8
_EVEN: Final = 0.0005
_WORDS: Final = ("decline_code", "status")


@dataclass(frozen=True, kw_only=True)
class Card:
    """A figure, and how it changed against the period before."""

    name: str
    value: str
    change: str = ""
    verdict: str = ""
    """good, bad or nothing: whether the change is welcome."""
    note: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A line of a breakdown, as wide as its share of the largest."""

    name: str
    value: str
    width: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """What does not add up in the books."""

    of: str
    """A payment's id, a day or a currency."""
    says: str
    is_payment: bool = False


@dataclass(kw_only=True)
class Charts:
    """The charts over time."""

    payments: SafeString
    volumes: list[tuple[str, SafeString]] = field(default_factory=list)


def cards(told: dict[str, Any]) -> list[Card]:
    """Return the cards of payments and money."""
    now, before = told["totals"]["now"], told["totals"]["before"]
    found = [
        _counted("Payments", now["count"], before["count"], good=1),
        _shared("Conversion", now["conversion"], before["conversion"], good=1,
                note=f"{now['succeeded']:,} succeeded"),
        _shared("Failure", now["failure_rate"], before["failure_rate"], good=-1,
                note=f"{now['failed']:,} failed"),
    ]  # fmt: skip
    for one in told["currencies"][:3]:
        currency, volume = one["currency"], one["now"]["volume"]
        average = one["now"]["average"]
        found.append(
            Card(
                name=f"Volume {currency.upper()}",
                value=_units(volume, currency),
                **_change(volume, one["before"]["volume"], good=1),
                note=f"{_units(average, currency)} on average" if average else "",
            )
        )
    found += [
        _converted(
            "volume",
            one["into"],
            one["now"]["volume"],
            one["before"]["volume"],
            missing=one["now"]["missing"],
        )
        for one in told["converted"]
    ]
    refunded = " · ".join(
        money(one["now"]["refunded"], one["currency"])
        for one in told["currencies"]
        if one["now"]["refunded"]
    )
    found += [
        _counted("Refunded", now["refunds"], before["refunds"], good=-1, note=refunded),
        _counted("Disputed", now["disputes"], before["disputes"], good=-1),
    ]
    return [*found, *_recurring(told["subscriptions"])]


def charts(told: dict[str, Any], choice: Choice) -> Charts:
    """Draw the payments and the volume of each currency over time."""
    hourly = choice.grain == Grain.HOUR
    times = _times(choice)
    counts: dict[datetime, list[int]] = defaultdict(lambda: [0, 0, 0])
    volumes: dict[str, dict[datetime, int]] = defaultdict(lambda: defaultdict(int))
    for point in told["series"]:
        at, one = point["starts_at"], point["figures"]
        open_ = one["count"] - one["succeeded"] - one["failed"]
        for layer, count in enumerate((one["succeeded"], open_, one["failed"])):
            counts[at][layer] += count
        volumes[point["currency"]][at] += one["volume"]
    stacks = [
        Stack(at=at, values=counts[at], told=f"{_when(at, hourly)}: {counts[at][0]:,} succeeded,"
              f" {counts[at][1]:,} open, {counts[at][2]:,} failed")
        for at in times
    ]  # fmt: skip
    drawn = Charts(
        payments=stacked_bars(
            stacks, layers=("succeeded", "open", "failed"), title="Payments", hourly=hourly
        )
    )
    for one in told["currencies"][:3]:
        currency = one["currency"]
        sums = volumes[currency]
        stacks = [
            Stack(
                at=at, values=[sums[at]], told=f"{_when(at, hourly)}: {money(sums[at], currency)}"
            )
            for at in times
        ]
        title = f"Volume {currency.upper()}"
        chart = stacked_bars(
            stacks, layers=("volume",), title=title, hourly=hourly, places=decimals(currency)
        )
        drawn.volumes.append((title, chart))
    return drawn


def breakdowns(told: dict[str, Any]) -> list[tuple[str, list[Bar]]]:
    """Return the bars by type, country and so on."""
    names = {
        "payment_type": "Type", "currency": "Currency", "status": "Status",
        "country": "Card country", "card_brand": "Card brand",
        "decline_code": "Decline code", "plan": "Plan",
    }  # fmt: skip
    found = []
    for by, name in names.items():
        values: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        if by == "currency":
            for one in told["currencies"]:
                values[one["currency"].upper()] = [one["now"]["count"], one["now"]["succeeded"]]
        else:
            for one in told["breakdowns"][by]:
                values[one["value"]][0] += one["figures"]["count"]
                values[one["value"]][1] += one["figures"]["succeeded"]
        bars = _bars({value: counts for value, counts in values.items() if counts[0]}, by)
        found.append((name, bars))
    return found


def funnel(told: dict[str, Any]) -> list[Bar]:
    """Return what became of the payments whose bank asked for 3-D Secure."""
    one = told["three_d_secure"]
    steps = ("asked", "challenged", "completed", "waiting", "failed", "abandoned")
    whole = max(one["asked"], 1)
    return [
        Bar(name=step.capitalize(), value=f"{one[step]:,}", width=round(100 * one[step] / whole),
            note="" if step == "asked" else _percent(one[step] / whole))
        for step in steps
    ]  # fmt: skip


def percentiles(told: dict[str, Any]) -> list[tuple[str, str]]:
    """Return p50, p95 and p99 as they are read."""
    return [
        (name, "-" if told[name] is None else written(timedelta(milliseconds=told[name])))
        for name in ("p50", "p95", "p99")
    ]


def webhooks(told: dict[str, Any]) -> list[Bar]:
    """Return what became of webhooks."""
    counts: dict[str, int] = defaultdict(int)
    for one in told["webhooks"]["outcomes"]:
        counts[one["outcome"]] += one["count"]
    largest = max(counts.values(), default=1)
    return [
        Bar(name=outcome.capitalize(), value=f"{count:,}", width=round(100 * count / largest))
        for outcome, count in sorted(counts.items(), key=lambda pair: -pair[1])
    ]


def movements(told: dict[str, Any]) -> list[tuple[str, str, int, bool]]:
    """Return how recurring revenue moved: kind, money, changes, and whether it grew."""
    named = [(one["kind"].capitalize(), one) for one in told["subscriptions"]["movements"]]
    for converted in told["subscriptions"]["converted"]:
        all_in = f", all in {converted['into'].upper()}"
        named += [(one["kind"].capitalize() + all_in, one) for one in converted["movements"]]
    return [
        (
            name,
            f"{'+' if one['amount'] >= 0 else ''}{money(one['amount'], one['currency'])}",
            one["count"],
            one["amount"] >= 0,
        )
        for name, one in named
    ]


def cohorts(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cohorts with their shares, and a shade of 0 to 10 for each."""
    return [
        {
            "month": one["month"],
            "size": one["size"],
            "cells": [
                (
                    _percent(paying / max(one["size"], 1), 0),
                    round(10 * paying / max(one["size"], 1)),
                )
                for paying in one["paying"]
            ],
        }
        for one in told["subscriptions"]["cohorts"]
    ]


def wrong(books: dict[str, Any]) -> list[Wrong]:
    """Return what of the books does not add up, in amounts as they are read."""
    return [
        *(
            Wrong(
                of=one["currency"].upper(),
                says=f"sums to {money(one['amount'], one['currency'])}, not zero",
            )
            for one in books["unbalanced"]
        ),
        *(
            Wrong(
                of=one["payment_id"],
                says=f"{one['what']} {_units(one['measured'], one['currency'])}, the ledger has "
                + money(one["in_ledger"], one["currency"]),
                is_payment=True,
            )
            for one in books["differences"]
        ),
        *(
            Wrong(of=f"{one['day']:%Y-%m-%d}", says=_not_as_listed(**one))
            for one in books["differences_from_stripe"]
        ),
    ]


def _converted(what: str, into: str, now: int, before: int, *, missing: list[str]) -> Card:
    without = ", ".join(currency.upper() for currency in missing)
    return Card(
        name=f"All {what} in {into.upper()}",
        value=_units(now, into),
        **_change(now, before, good=1),
        note=f"no rate: {without}" if without else "by your rates",
    )


def _not_as_listed(*, what: str, currency: str, at_stripe: int, in_ledger: int, **_of: Any) -> str:
    if what == "transactions":
        return f"{at_stripe:,} {currency.upper()} transactions at Stripe, {in_ledger:,} here"
    amounts = f"{_units(at_stripe, currency)} at Stripe, {money(in_ledger, currency)} here"
    return f"{what} {amounts}"


def _recurring(told: dict[str, Any]) -> list[Card]:
    before = {one["currency"]: one["amount"] for one in told["mrr_before"]}
    found = [
        Card(
            name=f"MRR {one['currency'].upper()}",
            value=_units(one["amount"], one["currency"]),
            **_change(one["amount"], before.get(one["currency"], 0), good=1),
            note=f"{one['subscriptions']:,} subscription{'s' * (one['subscriptions'] != 1)}",
        )
        for one in told["mrr"]
    ]
    return found + [
        _converted("MRR", one["into"], one["amount"], one["amount_before"], missing=one["missing"])
        for one in told["converted"]
        if one["amount"] or one["amount_before"] or one["missing"]
    ]


def _times(choice: Choice) -> list[datetime]:
    period = choice.period
    hourly = choice.grain == Grain.HOUR
    step = timedelta(hours=1) if hourly else timedelta(days=1)
    at = period.start if hourly else period.start.replace(hour=0)
    return [at + number * step for number in range((period.end - at) // step + (not hourly))
            if at + number * step < period.end]  # fmt: skip


def _when(at: datetime, hourly: bool) -> str:
    at = at.astimezone(UTC)
    return f"{at:%a} {at.day} {at:%b %H:%M}" if hourly else f"{at:%a} {at.day} {at:%b %Y}"


def _bars(values: dict[str, list[int]], by: str) -> list[Bar]:
    largest = max((counts[0] for counts in values.values()), default=1)
    shown = sorted(values.items(), key=lambda pair: (-pair[1][0], pair[0]))[:MOST_BARS]
    return [
        Bar(
            name=TYPES.get(value, value.replace("_", " ") if by in _WORDS else value),
            value=f"{count:,}",
            width=round(100 * count / largest),
            note="" if by in _WORDS else _percent(succeeded / count),
        )
        for value, (count, succeeded) in shown
    ]


def _counted(name: str, now: int, before: int, *, good: int, note: str = "") -> Card:
    return Card(name=name, value=f"{now:,}", note=note, **_change(now, before, good=good))


def _shared(
    name: str, now: float | None, before: float | None, *, good: int, note: str = ""
) -> Card:
    if now is None:
        return Card(name=name, value="-")
    change = {}
    if before is not None and abs(now - before) >= _EVEN:
        points = 100 * (now - before)
        change = {"change": f"{points:+.1f} pp", "verdict": _verdict(points, good)}
    return Card(name=name, value=_percent(now), note=note, **change)


def _change(now: int, before: int, *, good: int) -> dict[str, str]:
    if not before or now == before:
        return {}
    change = (now - before) / before
    return {"change": f"{100 * change:+,.1f} %", "verdict": _verdict(change, good)}


def _verdict(change: float, good: int) -> str:
    return "good" if change * good > 0 else "bad"


def _units(amount: int, currency: str) -> str:
    """Write an amount where the currency stands beside it."""
    return money(amount, currency).rpartition(" ")[0]


def _percent(share: float, places: int = 1) -> str:
    return f"{100 * share:.{places}f} %"
