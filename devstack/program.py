"""One program of the stack, as the supervisor runs it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from devstack.paths import LAUNCH, PYTHON


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command with its service's environment file and the way it wants to be stopped."""

    name: str
    command: list[str]
    group: str
    env_file: Path | None = None
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    unprivileged: bool = False

    @property
    def launch_command(self) -> list[str]:
        """The command as run: through launch.py, which becomes it."""
        env = ["--env", str(self.env_file)] if self.env_file else []
        unprivileged = ["--unprivileged"] if self.unprivileged else []
        launch = [PYTHON, "-S", str(LAUNCH), *env, "--signal", self.stop_signal, *unprivileged]
        return [*launch, "--", *self.command]


class Server(Protocol):
    """A server that the services use: one of our own, or one that runs elsewhere."""

    @property
    def program(self) -> Program | None:
        """The command that runs it, unless it runs elsewhere."""

    def prepare(self) -> None:
        """Do what its start needs; again and again, if need be."""

    def is_ready(self) -> bool:
        """Tell whether it accepts connections."""
