import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.launch import read_env
from devstack.paths import LAUNCH
from devstack.services import write_env_file
from devstack.waiting import wait_until


def launch(*options: str, command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-S", LAUNCH, *options, "--", *command],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


class TestEnvironment:
    def test_program_gets_its_file_and_nothing_else_of_the_shell(self, tmp_path):
        write_env_file(tmp_path / "admin.env", {"DATABASE_URL": "postgresql://admin"})

        printed = launch(
            *("--env", str(tmp_path / "admin.env")),
            command=["env"],
            environment={"STRIPE_API_KEY": "sk_live_1", "DATABASE_URL": "postgresql://shell"},
        )

        assert "DATABASE_URL=postgresql://admin\n" in printed
        assert "STRIPE_API_KEY" not in printed

    def test_env_file_keeps_values_as_they_are(self, tmp_path):
        variables = {"SETTINGS": '{"a": "b c", "d": 1}', "URL": "postgresql://u:p%40@h/d?x=y"}

        write_env_file(tmp_path / "a.env", variables)

        assert read_env(str(tmp_path / "a.env")) == variables
        assert (tmp_path / "a.env").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="asking for a parent's death is Linux's")
class TestParentDeath:
    def test_program_is_signalled_when_its_parent_is_killed(self, tmp_path):
        pid_file = tmp_path / "pid"
        start = [sys.executable, "-S", str(LAUNCH), "--", "sh", "-c", f"echo $$>{pid_file}; cat"]
        parent = subprocess.Popen(
            [sys.executable, "-c", f"import subprocess; subprocess.run({start!r})"],
            stdin=subprocess.PIPE,
        )
        try:
            text = wait_until(lambda: pid_file.exists() and pid_file.read_text(), what="the child")
            parent.send_signal(signal.SIGKILL)

            wait_until(lambda: not alive(int(text)), what="the child to end", seconds=5)
        finally:
            parent.kill()
            parent.communicate()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
