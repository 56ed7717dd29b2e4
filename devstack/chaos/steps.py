"""One thing that goes wrong: what is done, to what, and when."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final


class Action(StrEnum):
    """What a step does."""

    KILL = "kill"
    KILL_AFTER = "kill after"
    STOP = "stop"
    CUT = "cut"
    RESET = "reset"
    FREEZE = "freeze"
    JOIN = "join"
    MOVE_CLOCK = "move clock"
    LOCK = "lock"
    FORGET = "forget"
    REWIND = "rewind"
    RESEND = "resend"
    WEATHER = "weather"
    POISON = "poison"
    REPLAY = "replay"
    FORGE = "forge"


KILLS: Final = (Action.KILL, Action.KILL_AFTER)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that goes wrong once `at` payments have begun."""

    at: int
    action: Action
    target: str
    how: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        seconds = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6} {self.action} {self.target} {self.how}".rstrip() + seconds

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)
