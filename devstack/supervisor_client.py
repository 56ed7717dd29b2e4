"""Asking a running supervisord to start, stop and tell, over XML-RPC."""

import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from devstack.ports import HOST

USER = "paybridge"

_DO_NOT_WAIT = False


class SupervisedProgramError(RuntimeError):
    """A program ends as soon as it is started; its log says why."""


@dataclass(frozen=True, kw_only=True)
class SupervisorClient:
    """One supervisord; programs are named without their group."""

    port: int
    password: str
    logs: Path

    def _call(self, method: str, *arguments: Any) -> Any:  # XML-RPC is not typed
        url = f"http://{USER}:{self.password}@{HOST}:{self.port}/RPC2"
        with xmlrpc.client.ServerProxy(url) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def _info(self, name: str) -> dict[str, Any]:
        programs = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        return next(program for program in programs if program["name"] == name)

    def names(self) -> list[str]:
        """Return the names of all programs."""
        return [program["name"] for program in self._call("getAllProcessInfo")]

    def _full_name(self, name: str) -> str:
        return f"{self._info(name)['group']}:{name}"

    def start(self, name: str) -> None:
        """Start one program."""
        self._call("startProcess", self._full_name(name), False)

    def stop(self, name: str) -> None:
        """Stop one program and keep it stopped."""
        self._call("stopProcess", self._full_name(name))

    def start_group(self, group: str) -> None:
        """Start the programs of one group."""
        self._call("startProcessGroup", group, False)

    def stop_group(self, group: str) -> None:
        """Stop the programs of one group and keep them stopped."""
        self._call("stopProcessGroup", group)

    def pid(self, name: str) -> int | None:
        """Return the program's process id, or None while it does not run."""
        return self._info(name)["pid"] or None

    def check(self, name: str) -> None:
        """Raise if the program cannot be kept running.

        Raises:
            SupervisedProgramError: it ended shortly after its start, with the end of its log.
        """
        if self._info(name)["statename"] in {"BACKOFF", "FATAL"}:
            raise SupervisedProgramError(f"{name} does not run:\n{self.log_tail(name)}")

    def log_tail(self, name: str, *, lines: int = 15) -> str:
        """Return the last lines of a program's log."""
        log = self.logs / f"{name}.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return "\n".join([*text.splitlines()[-lines:], f"(all of it: {log})"])
