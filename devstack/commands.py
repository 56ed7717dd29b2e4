"""What the developer's commands share: printing at once, stopping cleanly, plain error messages."""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import psycopg2

from devstack.apache_kafka import MissingToolError
from devstack.management import ManagementCommandError
from devstack.stack import AlreadyRunningError, LiveKeyError
from devstack.supervisor_client import SupervisedProgramError
from devstack.waiting import DeadlinePassedError

_TOLD_WITHOUT_TRACEBACK = (
    AlreadyRunningError,
    DeadlinePassedError,
    LiveKeyError,
    ManagementCommandError,
    MissingToolError,
    SupervisedProgramError,
    psycopg2.OperationalError,
)
_INTERRUPTED = 130


def say(line: str) -> None:
    """Print a line now, also into a pipe."""
    print(line, flush=True)


def guarded(command: Callable[[], int]) -> int:
    """Run a command so that Ctrl-C, SIGTERM and a closed terminal all stop it in order."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return command()
    except _TOLD_WITHOUT_TRACEBACK as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
