"""How much is measured."""

from dataclasses import dataclass
from typing import Final

_REPEATED: Final = 3


@dataclass(frozen=True, kw_only=True)
class Size:
    """Counts of payments, of runs, and of seconds for each loop over HTTP."""

    runs: int
    payments: int
    backlog: int
    tutorial: int
    tutorial_waiting: int
    seconds: float
    history: tuple[int, ...]
    """Rows in every table, one step after the other."""
    growth: int
    """Payments drained at each step, and through single legs: few, for they are history too."""

    @property
    def repeats(self) -> int:
        """How often what is not of the rounds is measured."""
        return min(self.runs, _REPEATED)


FULL: Final = Size(
    runs=5,
    payments=4_000,
    backlog=10_000,
    tutorial=400,
    tutorial_waiting=60,
    seconds=15,
    history=(1_000, 100_000, 1_000_000),
    growth=1_000,
)
QUICK: Final = Size(
    runs=1,
    payments=1_500,
    backlog=3_000,
    tutorial=100,
    tutorial_waiting=12,
    seconds=5,
    history=(1_000, 50_000),
    growth=1_000,
)
