"""Tables of subscriptions."""

from typing import Any

from admin_project.dashboard.presentation.bars import Bar
from admin_project.dashboard.presentation.words import percent, units
from admin_project.money import money


def movements(told: dict[str, Any]) -> list[tuple[str, str, int, bool]]:
    """Return how recurring revenue moved: kind, money, changes, and whether it grew."""
    named = [(one["kind"].capitalize(), one) for one in told["subscriptions"]["movements"]]
    for converted in told["subscriptions"]["converted"]:
        named += [(f"{one['kind'].capitalize()}, converted", one) for one in converted["movements"]]
    return [
        (
            name,
            f"{'+' if one['amount'] >= 0 else ''}{money(one['amount'], one['currency'])}",
            one["count"],
            one["amount"] >= 0,
        )
        for name, one in named
    ]


def trials(told: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what became of trials, as it is read."""
    one = told["subscriptions"]["trials"]
    if not one["trials"]:
        return []
    counts = [(name, f"{one[name]:,}") for name in ("converted", "lost", "open")]
    return [("conversion", percent(one["rate"])), *counts]


def dunning(told: dict[str, Any]) -> list[Bar]:
    """Return what became of invoices that could not be paid at first: the rate of recovery."""
    return [
        Bar(
            name=one["decline_code"].replace("_", " ") or "-",
            value=f"{one['failed']:,}",
            width=round(100 * one["rate"]),
            rates=(f"{one['recovered']:,}", f"{one['lost']:,}", percent(one["rate"])),
            volume=f"{units(one['amount_recovered'], one['currency'])} of "
            + money(one["amount_failed"], one["currency"]),
        )
        for one in told["subscriptions"]["dunning"]
    ]


def cohorts(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cohorts with their shares, and a shade of 0 to 10 for each."""
    return [
        {
            "month": one["month"],
            "size": one["size"],
            "cells": [
                (
                    percent(paying / max(one["size"], 1), 0),
                    round(10 * paying / max(one["size"], 1)),
                )
                for paying in one["paying"]
            ],
        }
        for one in told["subscriptions"]["cohorts"]
    ]
