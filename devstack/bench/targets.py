"""The targets, each with its figure and whether it is met."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Target:
    """A figure that is to be reached: `value` against `target`, and what it is made of."""

    name: str
    what: str
    value: float
    target: float
    better: Literal["more", "less"]
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        reached = self.value >= self.target if self.better == "more" else self.value <= self.target
        return reached and bool(self.figures.get("all_met", True))


def as_json(targets: Iterable[Target]) -> dict[str, Any]:
    """Return a member for each target."""
    return {
        target.name: {**asdict(target), "met": target.met}
        for target in sorted(targets, key=lambda target: target.name)
    }


def as_table(targets: Iterable[Target]) -> str:
    """Return a line for each target."""
    lines = []
    for target in sorted(targets, key=lambda target: target.name):
        sign = "≥" if target.better == "more" else "≤"
        met = "met" if target.met else "MISSED"
        figure = f"{target.value:10.2f}  {sign} {target.target:<8g}"
        lines.append(f"{target.name}  {met:6}  {figure} {target.what}")
    return "\n".join(lines)
