"""Rates with a longer and longer history, on one running system: T5."""

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from devstack.bench import history
from devstack.bench.medians import median, medians
from devstack.bench.size import Size
from devstack.bench.system import System
from devstack.bench.targets import Target
from devstack.paths import PYTHON, ROOT

_POLL_MS: Final = 1.0
"""What it may take to find nothing to do."""


def growth(system: System, size: Size, tell: Callable[[str], None]) -> Target:
    """Measure rates and empty polls at each size of the history: T5."""
    steps = [_step(system, size, tell, rows) for rows in size.history]
    first, last = steps[0]["per_second"], steps[-1]["per_second"]
    shares = {name: last[name] / first[name] for name in first}
    slowest = max(step["slowest_empty_poll_ms"] for step in steps)
    return Target(
        name="T5",
        what=f"of the rate at {size.history[0]} rows with {size.history[-1]}",
        value=min(shares.values()),
        target=0.9,
        better="more",
        figures={
            "shares": shares,
            "steps": steps,
            "empty_poll_ms_target": _POLL_MS,
            "all_met": slowest <= _POLL_MS and steps[-1]["fewest_rows"] >= size.history[-1],
        },
    )


def _step(system: System, size: Size, tell: Callable[[str], None], rows: int) -> dict[str, Any]:
    tell(f"A history of {rows} rows in every table")
    system.wait_until_emails_are_sent()
    urls = system.running.database_urls
    with ThreadPoolExecutor() as together:
        multiplied = together.map(lambda url: history.multiply(url, rows=rows), urls.values())
    before = dict(zip(urls, multiplied, strict=True))
    drained = [system.drain(size.growth) for _ in range(size.repeats)]
    legs = [system.legs(size.growth) for _ in range(size.repeats)]
    system.running.wait_until_settled(seconds=120)
    polls = _empty_polls(system)
    per_second = {"payments": median(one.rate for one in drained), **medians(legs)}
    tell("  " + ", ".join(f"{name} {rate:.0f}/s" for name, rate in per_second.items()))
    return {
        "per_second": per_second,
        "empty_poll_ms": polls,
        "slowest_empty_poll_ms": max(ms for one in polls.values() for ms in one.values()),
        "fewest_rows": min(count for tables in before.values() for count in tables.values()),
        "rows_before": before,
        "rows_after": {service: history.rows(url) for service, url in urls.items()},
    }


def _empty_polls(system: System) -> dict[str, dict[str, float]]:
    polled = subprocess.run(
        [PYTHON, "-m", "devstack.bench.polls"],
        input=json.dumps(system.running.database_urls).encode(),
        env=system.environment("customer"),
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    milliseconds: dict[str, dict[str, float]] = json.loads(polled.stdout)
    return milliseconds
