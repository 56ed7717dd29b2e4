"""The lines between services and servers, which a run resets."""

import contextlib
import socket
import threading

import pytest

from devstack.chaos.lines import Lines
from devstack.ports import HOST


@pytest.fixture
def echo():
    """The port of a server that says again what it hears."""
    with socket.create_server((HOST, 0)) as server:

        def answer(connection):
            with connection, contextlib.suppress(ConnectionResetError):
                while heard := connection.recv(65536):
                    connection.sendall(heard)

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def connect(port):
    return socket.create_connection((HOST, port), timeout=5)


def test_all_that_is_said_passes_in_both_directions(echo):
    said = bytes(range(256)) * 20_000
    with connect(Lines().open("echo", echo)) as client:
        threading.Thread(target=client.sendall, args=(said,), daemon=True).start()
        heard = bytearray()
        while len(heard) < len(said):
            heard += client.recv(65536)

    assert heard == said


def test_every_connection_is_reset_and_the_next_ones_work(echo):
    lines = Lines()
    port = lines.open("echo", echo)
    for _ in range(2):
        with connect(port) as first, connect(port) as second:
            for client in (first, second):
                client.sendall(b"hello")
                assert client.recv(5) == b"hello"

            assert lines.reset("echo") == 2

            for client in (first, second):
                with pytest.raises(ConnectionResetError):
                    client.recv(5)
    assert lines.open("echo", echo) == port


def test_where_no_server_is_the_line_is_down(echo):
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    begins_at = Lines().open("nobody", port)
    with pytest.raises(ConnectionResetError), connect(begins_at) as client:
        client.recv(5)
