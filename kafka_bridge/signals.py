"""SIGTERM and SIGINT as a flag that loops look at."""

import signal
import threading
from typing import Any


def stop_on_signal() -> threading.Event:
    """Return an event that is set when the process is told to stop."""
    stop = threading.Event()

    def tell(_signal: int, _frame: Any) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, tell)
    return stop
