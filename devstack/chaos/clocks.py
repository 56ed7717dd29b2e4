"""The services' clocks that a run moves: each service's processes ask libfaketime for the time.

Only what a process reads as the time of day is moved. What it measures and waits for is not, nor
are the clocks of the servers.
"""

import platform
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_LIBRARY: Final = Path("vendor", "libfaketime", "src", "libfaketime.so.1")
_RIGHT: Final = "+0"
RUNS_HERE: Final = sys.platform.startswith("linux") and platform.machine() == "x86_64"
"""Whether the library that the package brings along does."""


class Clocks:
    """The clocks of a run, by the service that has each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._moved: dict[str, threading.Timer] = {}
        self._writing = threading.Lock()

    def environment(self, service: str) -> dict[str, str]:
        """Return what a service's processes need to have a clock that can be moved."""
        if not RUNS_HERE:
            return {}
        self._set(service, _RIGHT)
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file(service)),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Else it moves the deadlines of waits with glibc 2.30 and later, and they end at once:
            # Python's threads fight over the interpreter's lock, at a tenth of their speed.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    def move(self, service: str, *, by: str, seconds: float) -> None:
        """Move a service's clock, as by `+26h`, and put it right after so many seconds.

        Raises:
            OSError: not on this machine.
        """
        if not RUNS_HERE:
            raise OSError("libfaketime is built for Linux on x86-64 only")
        if service in self._moved:
            self._moved[service].cancel()
        self._set(service, by)
        timer = self._moved[service] = threading.Timer(seconds, self._set, [service, _RIGHT])
        timer.daemon = True
        timer.start()

    def put_right(self) -> None:
        """Put every clock right that was moved."""
        for service, timer in self._moved.items():
            timer.cancel()
            self._set(service, _RIGHT)

    def _set(self, service: str, offset: str) -> None:
        with self._writing:
            new = self._file(service).with_suffix(".new")
            new.write_text(f"{offset}\n")
            new.replace(self._file(service))

    def _file(self, service: str) -> Path:
        return self._folder / f"{service}.clock"


def _library() -> Path:
    """Return the library: the package itself would move this process's own clock."""
    spec = find_spec("libfaketime")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("libfaketime is missing: install requirements-dev.txt")
    return Path(spec.origin).parent / _LIBRARY
