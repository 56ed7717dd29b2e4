"""The processes of a running stack: killed, frozen, and joined by others."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import psutil

from devstack.paths import LAUNCH, PYTHON, ROOT
from devstack.running import RunningStack
from devstack.waiting import wait_until

_LEAVES_WITHIN: Final = 30


class Processes:
    """Kills by process id only, and only what belongs to the stack.

    `members_leave` says whether a consumer may be told to stop, and so leaves its group. Tansu
    never has another leader in a group whose leader leaves while the group forms: nobody in it
    gets a partition again. There consumers are killed, and it notices by their silence.
    """

    def __init__(self, stack: RunningStack, *, members_leave: bool) -> None:
        self._stack = stack
        self._members_leave = members_leave
        self._frozen: list[psutil.Process] = []
        self._extras: dict[subprocess.Popen[bytes], str] = {}
        self._joined: set[str] = set()

    def family(self, name: str) -> list[psutil.Process]:
        """Return a program's process and its children.

        Raises:
            DeadlinePassedError: it does not run.
        """

        def running() -> list[psutil.Process]:
            pid = self._stack.supervisor.pid(name)
            if pid is None:
                return []
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                return [process, *process.children(recursive=True)]
            return []

        return wait_until(running, what=f"{name} to run")

    def kill(self, name: str) -> int:
        """Kill a program with -9 and return its process id. See `family`."""
        process = self.family(name)[0]
        process.kill()
        return process.pid

    def stop(self, name: str) -> None:
        """Tell a program to stop in good order; supervisord starts it again. See `family`."""
        self.family(name)[0].terminate()

    def take_down(self, name: str) -> None:
        """Stop a program for as long as supervisord is not told to start it. See `family`."""
        supervisor = self._stack.supervisor
        if name in self._joined and not self._may_stop(name):
            killed = self.kill(name)
            # The next one is stopped before it has joined the group.
            wait_until(lambda: supervisor.pid(name) not in (None, killed), what=f"another {name}")
        supervisor.stop(name)

    def kill_child(self, name: str) -> int:
        """Kill a worker of a web server with -9 and return its process id. See `family`."""
        children = wait_until(lambda: self.family(name)[1:], what=f"a worker of {name}")
        children[0].kill()
        return children[0].pid

    def freeze(self, name: str) -> list[psutil.Process]:
        """Stop a program and its children where they are, and return them. See `family`."""
        family = self.family(name)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        self._frozen += family
        return family

    def freeze_for(self, name: str, *, seconds: float) -> None:
        """Stop a program where it is for so long. See `family`."""
        self._later(seconds, thaw, self.freeze(name))

    def thaw_all(self) -> None:
        """Let everything go on that was frozen."""
        thaw(self._frozen)
        self._frozen.clear()

    def join(self, name: str, *, seconds: float, killed: bool) -> None:
        """Start another process of a program, which is killed or told to stop after a while.

        See `family`.
        """
        command = self.family(name)[0].cmdline()
        env_file = str(self._stack.env_file(name.partition("-")[0]))
        launch = [PYTHON, "-S", str(LAUNCH), "--env", env_file, "--"]
        with (self._stack.logs / f"{name}-extra.log").open("ab") as log:
            process = subprocess.Popen(
                [*launch, *command], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        self._extras[process] = name
        self._joined.add(name)
        kills = killed or not self._may_stop(name)
        self._later(seconds, process.send_signal, signal.SIGKILL if kills else signal.SIGTERM)

    def _may_stop(self, name: str) -> bool:
        return self._members_leave or not name.endswith("-consumer")

    def _later(self, seconds: float, do: Callable[[Any], None], argument: Any) -> None:
        timer = threading.Timer(seconds, do, [argument])
        timer.daemon = True
        timer.start()

    def send_extras_home(self) -> None:
        """Stop the processes that joined, and wait until they have left."""
        for process, name in self._extras.items():
            process.send_signal(signal.SIGTERM if self._may_stop(name) else signal.SIGKILL)
        for process in self._extras:
            try:
                process.wait(_LEAVES_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._extras.clear()

    def wait_until_all_run(self) -> None:
        """Wait until supervisord has every program running.

        Raises:
            DeadlinePassedError: one does not run.
        """
        supervisor = self._stack.supervisor
        for name in supervisor.names():
            wait_until(partial(supervisor.pid, name), what=f"{name} to run", seconds=30)


def ports_of(process: psutil.Process) -> set[int]:
    """Return the local ports of a process's TCP connections."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return {connection.laddr.port for connection in process.net_connections("tcp")}
    return set()


def thaw(processes: Iterable[psutil.Process]) -> None:
    """Let processes go on that were frozen."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
