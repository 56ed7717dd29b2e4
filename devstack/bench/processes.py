"""What processes cost: CPU seconds and memory, with their children."""

import contextlib
from collections.abc import Mapping

import psutil

from devstack.supervisor_client import SupervisorClient


class Processes:
    """The processes of a stack by name, and others that a benchmark has started beside them."""

    def __init__(self, supervisor: SupervisorClient, others: Mapping[str, int]) -> None:
        self._supervisor = supervisor
        self._others = others

    def pids(self) -> dict[str, int]:
        """Return the process id of each program that runs."""
        running = {name: self._supervisor.pid(name) for name in self._supervisor.names()}
        return {name: pid for name, pid in running.items() if pid} | dict(self._others)

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time that each program and its children have taken so far."""
        return {name: sum(map(_cpu, _family(pid))) for name, pid in self.pids().items()}

    def megabytes(self) -> dict[str, float]:
        """Return the memory of each program and its children: PSS where the system tells it.

        Pages that processes share count once over all of them then, and not once for each.
        """
        return {name: sum(map(_memory, _family(pid))) for name, pid in self.pids().items()}

    def resident_megabytes(self) -> dict[str, float]:
        """Return the resident memory of each program and its children: RSS, as `ps` tells it.

        Pages that processes share count for each of them.
        """
        return {name: sum(map(_resident, _family(pid))) for name, pid in self.pids().items()}


def difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """Return what was added, for each program that ran at both times."""
    return {name: value - before[name] for name, value in after.items() if name in before}


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _resident(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        return float(process.memory_info().rss) / 1e6
    return 0.0


def _memory(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        memory = process.memory_full_info()
        return float(getattr(memory, "pss", memory.rss)) / 1e6
    return 0.0
