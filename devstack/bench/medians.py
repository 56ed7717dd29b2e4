"""Medians of what was measured several times."""

import statistics
from collections.abc import Iterable, Mapping, Sequence


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return float(statistics.median(values))


def medians(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each of the first row's members; what another row lacks is 0 there."""
    return {name: median(row.get(name, 0.0) for row in rows) for name in rows[0]}
