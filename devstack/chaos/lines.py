"""The services' TCP connections to servers that a run resets: each goes through a line.

A line listens on a port of its own and passes everything on to a server's port. One thread serves
them all.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from devstack.ports import HOST

T = TypeVar("T")

_CHUNK: Final = 256 * 1024
_RESET: Final = struct.pack("ii", 1, 0)
"""As SO_LINGER it has a socket closed by a reset, whatever is still to be sent."""


class Lines:
    """The lines of a run, by the server that each leads to."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="lines", daemon=True).start()

    def open(self, server: str, port: int) -> int:
        """Lay a line to a server's port, once, and return the port where it begins."""
        if server not in self._lines:
            self._lines[server] = _Line(port)
            self._do(self._lines[server].lay())
        return self._lines[server].begins_at

    def reset(self, server: str) -> int:
        """Reset every connection to a server, and return how many there were."""
        return self._do(self._lines[server].reset())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _Line:
    def __init__(self, ends_at: int) -> None:
        self.begins_at = 0
        self._ends_at = ends_at
        self._connections: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()

    async def lay(self) -> None:
        server = await asyncio.start_server(self._accept, HOST, 0, limit=_CHUNK)
        self.begins_at = server.sockets[0].getsockname()[1]

    async def reset(self) -> int:
        connections = list(self._connections)
        for connection in connections:
            for end in connection:
                _reset(end)
        return len(connections)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(
                HOST, self._ends_at, limit=_CHUNK
            )
        except OSError:  # the server is down
            _reset(writer)
            return
        connection = (writer, to_server)
        self._connections.add(connection)
        try:
            await asyncio.gather(_pass_on(reader, to_server), _pass_on(from_server, writer))
        finally:
            self._connections.discard(connection)
            for end in connection:
                end.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while some := await reader.read(_CHUNK):
            writer.write(some)
            await writer.drain()
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
