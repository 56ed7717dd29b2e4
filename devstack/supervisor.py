"""supervisord: started, asked and stopped.

It starts the programs, restarts those that die, and keeps a log file for each. It is asked over
XML-RPC on 127.0.0.1, with a password of this start. When the process that started it dies, the
kernel tells it to stop (launch.py), and it stops the programs in order: none is left behind.
"""

import configparser
import os
import secrets
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

from devstack.paths import LAUNCH, PYTHON, ROOT
from devstack.ports import HOST, Ports, answers
from devstack.program import Program
from devstack.supervisor_client import USER, SupervisedProgramError, SupervisorClient
from devstack.waiting import wait_until

# Groups stop in the reverse of this order, the programs of one group together.
GROUPS = ("servers", "stripe", "services", "web")
_STARTED_BY_SUPERVISORD = "servers"


class Supervisor:
    """The supervisord of one stack."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self.logs = folder / "logs"
        self._config = folder / "supervisord.conf"
        self._pid_file = folder / "supervisord.pid"
        self._log = folder / "logs" / "supervisord.log"
        self._ports = ports
        self.password = secrets.token_urlsafe(16)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, programs: Iterable[Program]) -> None:
        """Start supervisord, which starts the servers at once and the rest when it is told to."""
        self.logs.mkdir(exist_ok=True)
        self._write_config(list(programs))
        launch = [PYTHON, "-S", str(LAUNCH), "--", PYTHON, "-m", "supervisor.supervisord"]
        self._process = subprocess.Popen(
            [*launch, "--nodaemon", "--silent", "--configuration", str(self._config)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we stop it in order
        )
        wait_until(
            lambda: self._ended() or answers(self._ports.get("supervisord")), what="supervisord"
        )

    @property
    def client(self) -> SupervisorClient:
        """What asks this supervisord."""
        port = self._ports.get("supervisord")
        return SupervisorClient(port=port, password=self.password, logs=self.logs)

    def _ended(self) -> bool:
        if self._process and self._process.poll() is not None:
            raise SupervisedProgramError(f"supervisord ended at once; see {self._log}.")
        return False

    def wait_for_predecessor(self) -> None:
        """Wait for the supervisord of a start that was killed: it may still be stopping."""

        def gone() -> bool:
            try:
                os.kill(int(self._pid_file.read_text()), 0)
            except (OSError, ValueError):
                return True
            return False

        wait_until(gone, what=f"the previous start to stop ({self._pid_file})", seconds=60)

    def _write_config(self, programs: list[Program]) -> None:
        config = configparser.RawConfigParser()
        config["supervisord"] = {
            "logfile": str(self._log),
            "pidfile": str(self._pid_file),
            "childlogdir": str(self.logs),
            "loglevel": "info",
        } | ({"user": "root"} if os.geteuid() == 0 else {})
        config["inet_http_server"] = {
            "port": f"{HOST}:{self._ports.get('supervisord')}",
            "username": USER,
            "password": self.password,
        }
        config["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        for priority, group in enumerate(GROUPS):
            members = [program for program in programs if program.group == group]
            if members:
                names = ",".join(program.name for program in members)
                config[f"group:{group}"] = {"programs": names, "priority": str(priority)}
            for program in members:
                config[f"program:{program.name}"] = self._program_section(program)
        self._config.touch(mode=0o600)
        with self._config.open("w") as file:
            config.write(file)

    def _program_section(self, program: Program) -> dict[str, str]:
        return {
            "command": shlex.join(program.launch_command).replace("%", "%%"),
            "directory": str(ROOT),
            "autostart": str(program.group == _STARTED_BY_SUPERVISORD).lower(),
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "20",
            "stopsignal": program.stop_signal,
            "stopwaitsecs": str(program.stop_seconds),
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(self.logs / f"{program.name}.log"),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "1",
        }

    def wait(self) -> None:
        """Wait until supervisord ends; it does so only when it is told to, or killed."""
        if self._process:
            self._process.wait()

    def stop(self) -> None:
        """Stop every program, group by group, then supervisord; kill it after a minute."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
