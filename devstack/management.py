"""Management commands of the services, run side by side with each service's own environment."""

import contextlib
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from devstack.paths import LAUNCH, PYTHON, ROOT
from devstack.services import manage_command


class ManagementCommandError(RuntimeError):
    """A management command failed; the end of its log says why."""


def run_together(
    commands: Mapping[str, tuple[str, ...]], *, env_file: Callable[[str], Path], logs: Path
) -> dict[str, str]:
    """Run `(service, command, *arguments)` by name, all at once, and return what each printed.

    Standard error goes to a log file of the same name.

    Raises:
        ManagementCommandError: one of them failed; all have ended by then.
    """
    with contextlib.ExitStack() as files:
        running = {
            name: subprocess.Popen(
                [
                    *(PYTHON, "-S", str(LAUNCH), "--env", str(env_file(service)), "--"),
                    *manage_command(service, *arguments),
                ],
                stdout=subprocess.PIPE,
                stderr=files.enter_context((logs / f"{name}.log").open("w")),
                text=True,
                cwd=ROOT,
            )
            for name, (service, *arguments) in commands.items()
        }
        printed = {name: process.communicate()[0] for name, process in running.items()}
    for name, process in running.items():
        if process.returncode != 0:
            command = " ".join(commands[name])
            tail = (logs / f"{name}.log").read_text().splitlines()[-15:]
            raise ManagementCommandError("\n".join([f"{command} failed:", printed[name], *tail]))
    return printed
