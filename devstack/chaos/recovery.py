"""How long after each kill the next payment came through, from acceptance to the admin's count."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devstack.chaos.evidence import Evidence
from devstack.chaos.faults import Happened
from devstack.hops import percentile


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """Seconds from a kill until a payment accepted after it is final at customer and admin."""

    seconds: dict[str, list[float]]
    """By what was killed. Kills after the last payment have none."""
    any_progress: list[float]
    """From each kill until any payment was final, also one that was accepted before."""
    payment_seconds: list[float]
    """Of each payment, from accepted to final in both."""

    def as_json(self) -> dict[str, Any]:
        """Return the worst and the median, in all and by what was killed."""
        every = [seconds for some in self.seconds.values() for seconds in some]
        return {
            **_summary(every),
            "any_progress": _summary(self.any_progress),
            "by_target": {name: _summary(some) for name, some in sorted(self.seconds.items())},
            "payment_seconds": _summary(self.payment_seconds),
        }


def _summary(seconds: Sequence[float]) -> dict[str, Any]:
    if not seconds:
        return {"count": 0}
    return {
        "count": len(seconds),
        "median": round(statistics.median(seconds), 2),
        "p99": round(percentile(list(seconds), 99), 2),
        "worst": round(max(seconds), 2),
    }


def recovery(evidence: Evidence, kills: Sequence[Happened]) -> Recovery:
    """Measure it from the services' own tables."""
    ends = evidence.answered_at
    ways = [
        (row["created_at"].timestamp(), ends[payment])
        for payment, row in evidence.customer.payments.items()
        if payment in ends
    ]
    seconds: dict[str, list[float]] = {}
    any_progress = []
    for kill in kills:
        if later := [end for _, end in ways if end > kill.at]:
            any_progress.append(min(later) - kill.at)
        if later := [end for began, end in ways if began > kill.at]:
            seconds.setdefault(kill.step.target, []).append(min(later) - kill.at)
    return Recovery(
        seconds=seconds,
        any_progress=any_progress,
        payment_seconds=[end - began for began, end in ways],
    )
