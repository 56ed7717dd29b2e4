"""A connection to PostgreSQL that breaks around a COMMIT: nobody knows what became of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection

_COMMIT: Final = b"COMMIT"


class CuttingProxy:
    """Passes bytes between this thread's connection and PostgreSQL, but for one COMMIT.

    With `arm(happens=True)` the next COMMIT takes place and its answer is lost; with False it
    never reaches the database. Connections made later go through unharmed.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._armed: bool | None = None
        self._ends: list[socket.socket] = []
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, *, happens: bool) -> None:
        self._armed = happens

    def cut(self) -> None:
        """Cut the connections there are, without a word: as when the server loses its power."""
        while self._ends:
            _cut(self._ends.pop())

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._ends += [client, server]
            threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
            threading.Thread(target=self._to_client, args=(server, client), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            while sent := _receive(client):
                if self._armed is not None and _COMMIT in sent:
                    happens, self._armed = self._armed, None
                    self.cuts += 1
                    _cut(client)  # before the server has the COMMIT: its answer may be quick
                    if happens:
                        _send(server, sent)
                    _cut(server, socket.SHUT_WR if happens else socket.SHUT_RDWR)
                    return
                if not _send(server, sent):
                    return
            _cut(server, socket.SHUT_WR)

    def _to_client(self, server: socket.socket, client: socket.socket) -> None:
        while (answer := _receive(server)) and _send(client, answer):
            pass


def _receive(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def _send(end: socket.socket, sent: bytes) -> bool:
    try:
        end.sendall(sent)
    except OSError:
        return False
    return True


def _cut(end: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    try:
        end.shutdown(how)
    except OSError:
        return


@contextmanager
def connected_through_a_proxy() -> Iterator[CuttingProxy]:
    """Have this thread's connection go through a proxy."""
    usual = connection.settings_dict
    proxy = CuttingProxy((usual["HOST"], int(usual["PORT"] or 5432)))
    connection.close()
    connection.settings_dict = {
        **usual,
        "HOST": "127.0.0.1",
        "PORT": str(proxy.port),
        "OPTIONS": {**usual.get("OPTIONS", {}), "sslmode": "disable"},
    }
    try:
        yield proxy
    finally:
        connection.close()
        connection.settings_dict = usual
        proxy.close()
