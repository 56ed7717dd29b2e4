"""A line for each request to the API, as it came in: for a test to see how fast they came."""

from __future__ import annotations

import os
import time
from pathlib import Path

import orjson

from devstack.stripe_emulator.exchange import Call


class Journal:
    """Appends to a file that outlives the process, however that ends."""

    def __init__(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, call: Call) -> None:
        """Note a request: when it came, what it is, under which key, and who made it."""
        line = {
            "at": time.time(),
            "line": call.line,
            "key": call.headers.get("idempotency-key"),
            "agent": call.headers.get("user-agent", ""),
        }
        os.write(self._file, orjson.dumps(line) + b"\n")
