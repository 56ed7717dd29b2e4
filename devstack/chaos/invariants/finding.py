"""What checking one invariant found."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

_EXAMPLES: Final = 5


@dataclass(kw_only=True)
class Finding:
    """One invariant: how much was checked, and what broke it."""

    number: int
    title: str
    may_be_empty: bool = False
    """The run's orders have nothing of the kind: then it is right that nothing is checked."""
    checked: int = 0
    violations: list[str] = field(default_factory=list)

    def check(self, holds: object, told: str) -> None:
        """Count one thing checked, and what is told of it if it does not hold."""
        self.checked += 1
        if not holds:
            self.violations.append(told)

    def equal(self, what: str, *values: object) -> None:
        """Check that all values are the same. One alone is compared with nothing: no check."""
        if len(values) < 2:  # noqa: PLR2004
            return
        same = all(value == values[0] for value in values[1:])
        self.check(same, f"{what}: {' / '.join(map(str, values))}")

    def none_of(self, found: Iterable[object], what: str) -> None:
        """Check that nothing was found. What is not there is not counted."""
        if found := list(found):
            self.check(False, f"{len(found)} {what}: {found[:3]}")

    def close(self) -> None:
        """Tell of it if nothing was checked, though there must have been something."""
        if not self.checked and not self.may_be_empty:
            self.violations.append("nothing was checked: there is nothing of it in the evidence")

    def add(self, earlier: "Finding") -> None:
        """Count what was checked earlier in the run, too."""
        self.checked += earlier.checked
        self.violations += earlier.violations

    def as_json(self) -> dict[str, Any]:
        """Return the counts, and some of the violations."""
        return {
            "title": self.title,
            "checked": self.checked,
            "violations": len(self.violations),
            "examples": self.violations[:_EXAMPLES],
        }
