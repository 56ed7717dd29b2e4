"""The emulator as a process of its own, for tests, benchmarks and demos."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import requests

_STARTS_WITHIN = 15.0


class EmulatorProcess:
    """Starts the emulator, talks to its `/_emulator/` endpoints and stops it."""

    def __init__(self, *, port: int = 0, database: Path | None = None) -> None:
        self._port = port
        self._database = str(database) if database else ":memory:"
        self._process: subprocess.Popen[str] | None = None
        self._http = requests.Session()
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._running().pid

    def start(self) -> None:
        """Start and wait until it listens. A second start takes the port of the first."""
        command = [sys.executable, "-m", "devstack.stripe_emulator"]
        command += ["--port", str(self._port), "--db", self._database]
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=root, env=dict(os.environ)
        )
        self.url = _read_url(self._process)
        self._port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """Stop in good order."""
        self._end(signal.SIGTERM)
        self._http.close()

    def kill(self) -> None:
        """Stop as a power cut would."""
        self._end(signal.SIGKILL)

    def get(self, path: str, **query: str) -> Any:
        """Ask an `/_emulator/` endpoint."""
        return self._answer(self._http.get(f"{self.url}/_emulator/{path}", params=query))

    def post(self, path: str, body: Any = None) -> Any:
        """Tell an `/_emulator/` endpoint something."""
        return self._answer(self._http.post(f"{self.url}/_emulator/{path}", json=body))

    def faults(self, *faults: dict[str, Any]) -> None:
        """Put this list of faults in force; none clears it."""
        self.post("faults", list(faults))

    def audit(self, **filters: str) -> Any:
        """Return what really happened: see `audit.py`."""
        return self.get("audit", **filters)

    def memory(self) -> int:
        """Return the resident memory in bytes (Linux)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        """Return the processor time it has used (Linux)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the emulator is not running")
        return self._process

    def _end(self, how: signal.Signals) -> None:
        process = self._running()
        process.send_signal(how)
        process.wait(timeout=10)
        if process.stdout:
            process.stdout.close()
        self._process = None

    @staticmethod
    def _answer(response: requests.Response) -> Any:
        body = response.json()
        if not response.ok:
            raise RuntimeError(body["error"]["message"])
        return body


def _read_url(process: subprocess.Popen[str]) -> str:
    output: IO[str] | None = process.stdout
    if output is None:
        raise RuntimeError("the emulator's output is not read")
    deadline = time.monotonic() + _STARTS_WITHIN
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if selector.select(timeout=0.1):
                line = output.readline()
                if line.startswith("ready on "):
                    return line.removeprefix("ready on ").strip()
                if not line:
                    break
    process.kill()
    raise RuntimeError(f"the emulator did not start: exit status {process.wait()}")
