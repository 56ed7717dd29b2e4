"""Uvicorn, told to let the application cut a connection."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from devstack.stripe_emulator.asgi import Application
from devstack.stripe_emulator.emulator import Emulator


class SeveringProtocol(H11Protocol):
    """Gives the application its connection's transport, for faults that drop it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        """Put the transport where the application finds it."""
        super().connection_made(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, *, base_url: str) -> None:
        super().__init__(config)
        self._base_url = base_url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so in one line."""
        await super().startup(sockets)
        if self.started:
            print(f"ready on {self._base_url}", flush=True)


def serve(*, host: str, port: int, database: str, journal: str = "") -> None:
    """Serve until told to stop."""
    listening = socket.create_server((host, port), backlog=2048)
    base_url = f"http://{host}:{listening.getsockname()[1]}"
    emulator = Emulator(path=database, base_url=base_url, journal=journal)
    config = uvicorn.Config(
        Application(emulator),
        http=SeveringProtocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    Server(config, base_url=base_url).run(sockets=[listening])
