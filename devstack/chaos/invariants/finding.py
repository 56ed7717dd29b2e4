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
    checked: int = 0
    violations: list[str] = field(default_factory=list)

    def check(self, holds: object, told: str) -> None:
        """Count one thing checked, and what is told of it if it does not hold."""
        self.checked += 1
        if not holds:
            self.violations.append(told)

    def equal(self, what: str, *values: object) -> None:
        """Check that all values are the same."""
        same = all(value == values[0] for value in values[1:])
        self.check(same, f"{what}: {' / '.join(map(str, values))}")

    def none_of(self, found: Iterable[object], what: str) -> None:
        """Check that nothing was found."""
        found = list(found)
        self.check(not found, f"{len(found)} {what}: {found[:3]}")

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
