"""Bars: what payments and webhooks are divided into; and percentiles."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from admin_project.analytics.selectors import Figures
from admin_project.dashboard.choices import TYPES
from admin_project.dashboard.presentation.words import percent
from admin_project.money import money
from admin_project.timeline.hops import written

_MOST_BARS: Final = 8
_MOST_AMOUNTS: Final = 3
_WORDS: Final = ("decline_code", "status")


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A line of a breakdown, as wide as its share of the largest."""

    name: str
    value: str
    width: int
    note: str = ""
    rates: tuple[str, ...] = ()
    """What stands in the columns after the value."""
    volume: str = ""


def breakdowns(told: dict[str, Any]) -> list[tuple[str, list[Bar]]]:
    """Return the bars by type, country and so on."""
    names = {
        "payment_type": "Type", "currency": "Currency", "status": "Status",
        "country": "Card country", "card_brand": "Card brand",
        "decline_code": "Decline code", "plan": "Plan",
    }  # fmt: skip
    slices = {
        "currency": [
            {"value": one["currency"].upper(), "currency": one["currency"], "figures": one["now"]}
            for one in told["currencies"]
        ],
        **told["breakdowns"],
    }
    return [(name, _bars(slices[by], by)) for by, name in names.items()]


def funnel(told: dict[str, Any]) -> list[Bar]:
    """Return what became of the payments whose bank asked for 3-D Secure."""
    one = told["three_d_secure"]
    steps = ("asked", "challenged", "completed", "waiting", "failed", "abandoned")
    whole = max(one["asked"], 1)
    return [
        Bar(name=step.capitalize(), value=f"{one[step]:,}", width=round(100 * one[step] / whole),
            note="" if step == "asked" else percent(one[step] / whole))
        for step in steps
    ]  # fmt: skip


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


def percentiles(told: dict[str, Any]) -> list[tuple[str, str]]:
    """Return p50, p95 and p99 as they are read."""
    return [
        (name, "-" if told[name] is None else written(timedelta(milliseconds=told[name])))
        for name in ("p50", "p95", "p99")
    ]


def _bars(slices: list[dict[str, Any]], by: str) -> list[Bar]:
    sums: dict[str, Figures] = defaultdict(Figures)
    volumes: dict[str, list[str]] = defaultdict(list)
    for one in slices:
        value, figures, of = one["value"], one["figures"], sums[one["value"]]
        of.count += figures["count"]
        of.succeeded += figures["succeeded"]
        of.failed += figures["failed"]
        if figures["volume"]:
            volumes[value].append(money(figures["volume"], one["currency"]))
    shown = sorted(sums.items(), key=lambda pair: (-pair[1].count, pair[0]))[:_MOST_BARS]
    largest = max((of.count for _, of in shown), default=0)
    bars = [
        Bar(name=value, value=f"{of.count:,}", width=round(100 * of.count / largest),
            rates=tuple(map(percent, (of.success_rate, of.failure_rate, of.conversion))),
            volume=_few(volumes[value]))
        for value, of in shown
        if of.count
    ]  # fmt: skip
    if by in _WORDS:
        # They say what became of the payments.
        return [replace(bar, name=bar.name.replace("_", " "), rates=(), volume="") for bar in bars]
    return [replace(bar, name=TYPES.get(bar.name, bar.name)) for bar in bars]


def _few(amounts: list[str]) -> str:
    more = len(amounts) - _MOST_AMOUNTS
    return " · ".join([*amounts[:_MOST_AMOUNTS], *([f"{more} more"] if more > 0 else [])])
