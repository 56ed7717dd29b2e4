import os
import shutil
import subprocess
import sys

import pytest

from devstack.paths import ROOT


@pytest.fixture
def copy(tmp_path):
    """Copy what the commands need before anything is installed."""
    for folder in ("devstack", "manage_scripts"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "requirements-dev.txt", tmp_path)
    return tmp_path


def run(script, *, python=sys.executable, prelude=""):
    code = (
        f"import runpy, sys; {prelude}; sys.argv = [{str(script)!r}];"
        f" runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    return subprocess.run(
        [python, "-S", "-c", code],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


class TestBootstrap:
    @pytest.mark.parametrize("script", ["demo.py", "test.py"])
    def test_old_python_is_told_which_one_is_needed(self, copy, script):
        done = run(
            copy / "manage_scripts" / script,
            prelude="sys.version_info = (3, 10, 4, 'final', 0)",
        )

        assert done.returncode == 1
        assert "Python 3.11 or newer is needed" in done.stderr

    def test_missing_ensurepip_is_told_with_the_package_that_has_it(self, copy):
        done = run(
            copy / "manage_scripts" / "demo.py",
            prelude="import importlib.util as u; u.find_spec = lambda *_: None",
        )

        assert done.returncode == 1
        assert "-venv" in done.stderr
        assert not (copy / ".venv").exists()
