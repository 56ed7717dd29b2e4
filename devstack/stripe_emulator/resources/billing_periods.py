"""Billing periods: months that end where their anchor says, whatever the month before was."""

from __future__ import annotations

import calendar
import time
from typing import Any

_DAY = 86400


def period_around(*, anchor: int, recurring: dict[str, Any], at: int) -> tuple[int, int]:
    """Return the period, of those counted from `anchor`, that `at` lies in (its start included)."""
    count = 0
    while _after(anchor, recurring, count + 1) <= at:
        count += 1
    while _after(anchor, recurring, count) > at:
        count -= 1
    return _after(anchor, recurring, count), _after(anchor, recurring, count + 1)


def _after(anchor: int, recurring: dict[str, Any], periods: int) -> int:
    """Return the time so many periods after the anchor: 31 January, 28 February, 31 March."""
    count: int = recurring["interval_count"] * periods
    interval = recurring["interval"]
    if interval in ("day", "week"):
        return anchor + count * _DAY * (7 if interval == "week" else 1)
    months = count * (12 if interval == "year" else 1)
    then = time.gmtime(anchor)
    month = then.tm_mon - 1 + months
    year, month = then.tm_year + month // 12, month % 12 + 1
    day = min(then.tm_mday, calendar.monthrange(year, month)[1])
    return calendar.timegm((year, month, day, then.tm_hour, then.tm_min, then.tm_sec))


def share(amount: int, *, part: int, whole: int) -> int:
    """Return `part / whole` of an amount, rounded half up to a whole minor unit."""
    if whole <= 0:
        return 0
    return (2 * amount * part + whole) // (2 * whole)
