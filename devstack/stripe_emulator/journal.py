"""A line for each request to the API, as it came in: for a test to see how fast they came."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import orjson

from devstack.stripe_emulator.exchange import Call

_PULSE = 0.02
_LATE = 0.04


class Journal:
    """Appends to a file that outlives the process, however that ends."""

    def __init__(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, call: Call) -> None:
        """Note a request: when it came, what it is, under which key, and who made it."""
        self._write(
            {
                "at": time.time(),
                "line": call.line,
                "key": call.headers.get("idempotency-key"),
                "agent": call.headers.get("user-agent", ""),
            }
        )

    async def watch_the_clock(self) -> None:
        """Note each time that nothing could be noted for a while: what came then is noted late."""
        while True:
            began = time.time()
            await asyncio.sleep(_PULSE)
            if time.time() - began > _PULSE + _LATE:
                self._write({"at": time.time(), "late_since": began})

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, orjson.dumps(line) + b"\n")
