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
    quota_seconds: float
    history: tuple[int, ...]
    """Rows in every table, one step after the other."""
    history_apart: bool
    """Whether it is so long that the rest is measured on another system."""
    growth: int
    """Payments drained at each step, and through single legs: few, for they are history too."""

    @property
    def repeats(self) -> int:
        """How often what is not of the rounds is measured."""
        return min(self.runs, _REPEATED)


FULL: Final = Size(
    runs=5,
    payments=3_000,
    backlog=10_000,
    tutorial=400,
    tutorial_waiting=60,
    seconds=12,
    quota_seconds=40,
    history=(1_000, 100_000, 1_000_000),
    history_apart=True,
    growth=1_000,
)
QUICK: Final = Size(
    runs=1,
    payments=1_000,
    backlog=1_500,
    tutorial=60,
    tutorial_waiting=10,
    seconds=3,
    quota_seconds=12,
    history=(1_000, 20_000),
    history_apart=False,
    growth=800,
)
