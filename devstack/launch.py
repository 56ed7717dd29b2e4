"""Start one program of the stack with the environment of its service only.

    python -S launch.py [--env FILE] [--signal TERM] [--unprivileged] -- COMMAND...

The supervisor starts every program through this file. It drops every variable of the developer's
shell that is not on a short list, adds those of FILE (`KEY=value` lines), asks the kernel to send
the signal should the supervisor die, and becomes COMMAND: no process of its own stays behind.
Standard library only, and little of it: it runs a dozen times at every start.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1

PASSED_ON = frozenset(
    [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "TERM",
        "JAVA_HOME",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONWARNINGS",
        "MALLOC_ARENA_MAX",
    ]
)


def read_env(path: str) -> dict[str, str]:
    """Read `KEY=value` lines, the format of `docker run --env-file`: no quotes."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs its import
        lines = [line.rstrip("\n") for line in file]
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {key: value for key, _, value in pairs}


def clean_environment() -> dict[str, str]:
    """Return what of our own environment any program may have."""
    passed_on = {key: value for key, value in os.environ.items() if key in PASSED_ON}
    passed_on.update({key: value for key, value in os.environ.items() if key.startswith("LC_")})
    return passed_on | {"PYTHONUNBUFFERED": "1"}


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel to signal this process when its parent dies (Linux; elsewhere nothing)."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes  # noqa: PLC0415 - only Linux needs it

    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        sys.exit("The supervisor is gone; not starting.")


def unprivileged_command(command: list[str], *, signal_name: str = "") -> list[str]:
    """Wrap a command that refuses to run as root (PostgreSQL) so that it runs as `nobody`.

    It keeps one capability, to pass folders only root may enter (a repository under /root), so no
    permission of any folder has to be widened. As anyone but root the command stays as it is.
    """
    if os.geteuid() != 0:
        return command
    on_death = ["--pdeathsig", signal_name] if signal_name else []
    return [
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
        *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
        *("--securebits=+no_setuid_fixup", *on_death, "--", *command),
    ]


def main(arguments: list[str]) -> None:
    """Parse the options above and become the command."""
    options, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    environment = clean_environment()
    signal_name = "TERM"
    while options:
        option = options.pop(0)
        if option == "--env":
            environment.update(read_env(options.pop(0)))
        elif option == "--signal":
            signal_name = options.pop(0)
        elif option == "--unprivileged":
            command = unprivileged_command(command, signal_name=signal_name)
        else:
            sys.exit(f"launch.py: unknown option {option}")
    die_with_parent(signal.Signals[f"SIG{signal_name}"].value)
    os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
