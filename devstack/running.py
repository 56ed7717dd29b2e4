"""A stack that is up: its addresses, and what can be asked of it.

The process that starts a stack leaves its addresses in the data folder, so that another one, the
end-to-end tests' or a developer's, finds it there.
"""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from devstack.management import run_together
from devstack.services import SERVICES
from devstack.settling import wait_until_settled
from devstack.supervisor_client import SupervisorClient
from devstack.waiting import wait_until

_FILE = "running.json"


@dataclass(frozen=True, kw_only=True)
class RunningStack:
    """Addresses of a running stack; `supervisor` speaks to its supervisord."""

    folder: str
    urls: dict[str, str]
    database_urls: dict[str, str]
    bootstrap_servers: str
    kafka_keeps_records: bool
    stripe_url: str | None
    uses_emulator: bool
    supervisor_port: int
    supervisor_password: str

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Find the stack that runs on this data folder."""
        return cls(**json.loads((folder / _FILE).read_text()))

    def save(self) -> None:
        """Leave the addresses in the data folder, for its owner only."""
        file = Path(self.folder) / _FILE
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(self), indent=2))

    @property
    def logs(self) -> Path:
        """The folder of the log files, one for each process."""
        return Path(self.folder) / "logs"

    @property
    def supervisor(self) -> SupervisorClient:
        """The supervisord that runs the processes."""
        return SupervisorClient(
            port=self.supervisor_port, password=self.supervisor_password, logs=self.logs
        )

    def env_file(self, service: str) -> Path:
        """Return the path of a service's environment file."""
        return Path(self.folder) / f"{service}.env"

    def manage(self, service: str, *arguments: str) -> str:
        """Run a service's management command and return what it prints.

        Raises:
            ManagementCommandError: it failed; with the end of its log.
        """
        return self.manage_together({service: (service, *arguments)})[service]

    def manage_all(self, *arguments: str) -> dict[str, str]:
        """Run the same management command of the three services; return what each prints."""
        return self.manage_together({name: (name, *arguments) for name in SERVICES})

    def manage_together(self, commands: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        """Run `(service, command, *arguments)` by name side by side; return what each prints."""
        return run_together(commands, env_file=self.env_file, logs=self.logs)

    def wait_until_settled(self, *, seconds: float = 30) -> None:
        """Wait until no event is on its way.

        Raises:
            DeadlinePassedError: some still are.
        """
        wait_until_settled(self.database_urls, seconds=seconds)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal a process of the stack, by default with -9, and return its process id."""
        pid = wait_until(lambda: self.supervisor.pid(name), what=f"{name} to run")
        assert pid is not None  # noqa: S101 - wait_until returns true values only
        os.kill(pid, number)
        return pid

    def wait_until_restarted(self, name: str, *, killed: int) -> None:
        """Wait until a killed process runs again."""
        wait_until(
            lambda: self.supervisor.pid(name) not in {None, killed}, what=f"{name} to run again"
        )
