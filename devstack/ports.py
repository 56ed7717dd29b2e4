"""Ports on 127.0.0.1, chosen once and remembered in the data folder."""

import json
import random
import socket
from pathlib import Path

HOST = "127.0.0.1"

# Below the range from which Linux takes the ports of outgoing connections (32768 and up), so that
# a port found free is still free when its server starts.
_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Tell whether a server can listen on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Tell whether a server accepts connections on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


class Ports:
    """The ports of one stack by name; a second start gets the same ones where they are free."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        self._checked: set[str] = set()

    def get(self, name: str, *, preferred: int | None = None) -> int:
        """Return the port of this name: the remembered, the preferred, or any free one."""
        if name not in self._checked:
            taken = {port for other, port in self._ports.items() if other != name}
            wanted = [self._ports.get(name), preferred, *_candidates()]
            self._ports[name] = next(
                port for port in wanted if port and port not in taken and is_free(port)
            )
            self._checked.add(name)
            self._file.write_text(json.dumps(self._ports, indent=2))
        return self._ports[name]


def _candidates() -> list[int]:
    return random.sample(range(_LOWEST, _HIGHEST), 200)
