"""Charts over time."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString

from admin_project.analytics.models import Grain
from admin_project.dashboard.charts import Stack, stacked_bars
from admin_project.dashboard.choices import Choice
from admin_project.money import money
from kafka_bridge.contracts.currencies import decimals


@dataclass(kw_only=True)
class Charts:
    """The charts over time."""

    payments: SafeString
    volumes: list[tuple[str, SafeString]] = field(default_factory=list)


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
