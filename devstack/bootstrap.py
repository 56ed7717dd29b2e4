"""Give the commands their Python environment: `.venv` beside the repository's files.

Standard library only: it runs under the system's Python, before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETUP_SECONDS = "PAYBRIDGE_SETUP_SECONDS"

_VENV = ROOT / ".venv"
_VENV_PYTHON = _VENV / "bin" / "python"
_STAMP = _VENV / ".paybridge-requirements"
_REQUIREMENTS = ROOT / "requirements-dev.txt"
_OLDEST = (3, 11)


def ensure_environment() -> None:
    """Install what is missing, then run this very command again inside `.venv`.

    Returns at once inside an up-to-date `.venv`; exits with what to do if it cannot be made.
    """
    if sys.version_info < _OLDEST:
        _exit(
            f"Python {_version(_OLDEST)} or newer is needed; this is {sys.version.split()[0]}.",
            "Run the command with a newer one, as in: python3.12 manage_scripts/demo.py",
        )
    inside = Path(sys.prefix).resolve() == _VENV.resolve()
    if _is_current() and inside:
        return
    started = time.monotonic()
    if not _is_current():
        _set_up()
    os.environ[SETUP_SECONDS] = f"{time.monotonic() - started:.1f}"
    script = str(Path(sys.argv[0]).resolve())
    sys.stdout.flush()
    os.execv(str(_VENV_PYTHON), [str(_VENV_PYTHON), script, *sys.argv[1:]])  # noqa: S606 - no shell


def _is_current() -> bool:
    return _STAMP.exists() and _STAMP.read_text() == _fingerprint() and _VENV_PYTHON.exists()


def _fingerprint() -> str:
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes())
    digest.update(str(ROOT).encode())  # a moved .venv has wrong paths inside
    return digest.hexdigest()


def _set_up() -> None:
    """Create `.venv` unless a usable one is there, and install the pinned requirements."""
    try:
        (ROOT / ".devstack").mkdir(exist_ok=True)
        with (ROOT / ".devstack" / "bootstrap.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second command waits here for the first
            if _is_current():
                return
            print("Setting up (the first time only):", flush=True)
            if not _venv_is_usable():
                _create_venv()
            _install()
            _STAMP.write_text(_fingerprint())
    except PermissionError as error:
        _exit(f"Cannot write to {error.filename}.", "Use a copy of the repository of your own.")


def _venv_is_usable() -> bool:
    check = f"import pip, sys; sys.exit(sys.version_info < {_OLDEST})"
    try:
        done = subprocess.run([_VENV_PYTHON, "-c", check], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _create_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = _version(sys.version_info[:2])
        _exit(
            "This Python cannot make virtual environments: its venv or ensurepip is missing.",
            f"Debian and Ubuntu: apt install python{version}-venv (or python3-venv)",
        )
    print("  creating .venv", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(_VENV)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        _exit("Creating .venv failed:", done.stdout + done.stderr)


def _install() -> None:
    """Install the compiled requirements.

    pip may add to them: what only an older Python needs (`async-timeout` before 3.11.3) is not in a
    file that was compiled on a newer one.
    """
    lines = _REQUIREMENTS.read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    pip = [str(_VENV_PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    options = ["--progress-bar", "off", "--no-input", "-r", str(_REQUIREMENTS)]
    process = subprocess.Popen(
        [*pip, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )
    output = []
    found: set[str] = set()
    for line in process.stdout or ():
        output.append(line)
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            name = line.partition(": ")[2] or line.partition(" ")[2]
            name = name.partition("==")[0]
            if name in pinned - found:
                found.add(name)
                if len(found) % 20 == 0 or found == pinned:
                    print(f"  packages: {len(found)} of {len(pinned)}", flush=True)
        elif line.startswith("Installing collected packages"):
            print("  installing them", flush=True)
    if process.wait() != 0:
        _exit("Installing the packages failed:", "".join(output[-20:]))


def _version(version: tuple[int, ...]) -> str:
    return f"{version[0]}.{version[1]}"


def _exit(*lines: str) -> None:
    sys.exit("\n".join(lines))
