"""Cards: a figure each, and how it changed."""

from dataclasses import dataclass
from typing import Any, Final

from admin_project.dashboard.presentation.words import percent, units
from admin_project.money import money

_EVEN: Final = 0.0005


@dataclass(frozen=True, kw_only=True)
class Card:
    """A figure, and how it changed against the period before."""

    name: str
    value: str
    change: str = ""
    verdict: str = ""
    """good, bad or nothing: whether the change is welcome."""
    note: str = ""


def cards(told: dict[str, Any]) -> list[Card]:
    """Return the cards of payments and money."""
    now, before = told["totals"]["now"], told["totals"]["before"]
    whose = (told["currency"] or "").upper() or "All"
    found = [
        _counted("Payments", now["count"], before["count"], good=1),
        _shared("Success", now["success_rate"], before["success_rate"], good=1,
                note=f"of {now['succeeded'] + now['failed']:,} decided"),
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
                value=units(volume, currency),
                **_change(volume, one["before"]["volume"], good=1),
                note=f"{units(average, currency)} on average" if average else "",
            )
        )
    found += [
        _converted(
            f"{whose} volume", one["into"], one["now"]["volume"], one["before"]["volume"],
            missing=one["now"]["missing"],
        )
        for one in told["converted"]
    ]  # fmt: skip
    refunded = " · ".join(
        money(one["now"]["refunded"], one["currency"])
        for one in told["currencies"]
        if one["now"]["refunded"]
    )
    found += [
        _counted("Refunded", now["refunds"], before["refunds"], good=-1, note=refunded),
        _counted("Disputed", now["disputes"], before["disputes"], good=-1),
    ]
    return [*found, *_recurring(told["subscriptions"], whose)]


def _recurring(told: dict[str, Any], whose: str) -> list[Card]:
    before = {one["currency"]: one["amount"] for one in told["mrr_before"]}
    found = [
        Card(
            name=f"MRR {one['currency'].upper()}",
            value=units(one["amount"], one["currency"]),
            **_change(one["amount"], before.get(one["currency"], 0), good=1),
            note=f"{one['subscriptions']:,} subscription{'s' * (one['subscriptions'] != 1)}",
        )
        for one in told["mrr"]
    ]
    found += [
        _converted(f"{whose} MRR", one["into"], one["amount"], one["amount_before"],
                   missing=one["missing"])
        for one in told["converted"]
        if one["amount"] or one["amount_before"] or one["missing"]
    ]  # fmt: skip
    return found + [
        Card(
            name=f"Churn {one['currency'].upper()}",
            value=percent(one["rate"]),
            note=f"{one['subscriptions_lost']:,} of {one['subscriptions_at_start']:,}"
            f" subscriptions · {percent(one['mrr_rate'])} of MRR",
        )
        for one in told["churn"]
    ]


def _converted(what: str, into: str, now: int, before: int, *, missing: list[str]) -> Card:
    without = ", ".join(currency.upper() for currency in missing)
    return Card(
        name=f"{what} in {into.upper()}",
        value=units(now, into),
        **_change(now, before, good=1),
        note=f"no rate: {without}" if without else "by your rates",
    )


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
    return Card(name=name, value=percent(now), note=note, **change)


def _change(now: int, before: int, *, good: int) -> dict[str, str]:
    if not before or now == before:
        return {}
    change = (now - before) / before
    return {"change": f"{100 * change:+,.1f} %", "verdict": _verdict(change, good)}


def _verdict(change: float, good: int) -> str:
    return "good" if change * good > 0 else "bad"
