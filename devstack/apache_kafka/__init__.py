"""Apache Kafka itself, in KRaft mode and without Docker: jars from Maven, run by Java."""

import re
import shutil
import subprocess
from pathlib import Path

from devstack.kafka import Settings, Through, directly
from devstack.paths import STATE
from devstack.ports import HOST, Ports, answers
from devstack.program import Program

_POM = Path(__file__).parent / "pom.xml"
_LIBS = STATE / "apache-kafka"
_JAVA_NEEDED = 17


class MissingToolError(RuntimeError):
    """Apache Kafka needs Java 17 or newer, and Maven to fetch it."""


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise MissingToolError(
            "--kafka=apache needs Java 17 or newer (Debian: apt install openjdk-17-jre-headless)."
        )
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < _JAVA_NEEDED:
        raise MissingToolError(f"--kafka=apache needs Java 17 or newer; {java} is older.")
    return java


def _fetch_jars() -> None:
    """Copy the jars that pom.xml pins to the data folder, unless they are there."""
    stamp = _LIBS / "pom.xml"
    if stamp.exists() and stamp.read_text() == _POM.read_text():
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingToolError(
            "--kafka=apache needs Maven to fetch it (Debian: apt install maven)."
        )
    shutil.rmtree(_LIBS, ignore_errors=True)
    subprocess.run(
        [
            *(maven, "--quiet", "--batch-mode", "--file", str(_POM)),
            *("dependency:copy-dependencies", "-DincludeScope=runtime"),
            f"-DoutputDirectory={_LIBS}",
        ],
        check=True,
    )
    shutil.copy(_POM, stamp)


class ApacheKafka:
    """One node that is broker and controller, on 127.0.0.1; its data stays."""

    keeps_records = True

    def __init__(self, folder: Path, ports: Ports, *, through: Through = directly) -> None:
        self._folder = folder / "apache-kafka-data"
        self._properties = folder / "apache-kafka.properties"
        self._port = ports.get("kafka")
        self._controller_port = ports.get("kafka-controller")
        self.bootstrap_servers = f"{HOST}:{through('kafka', self._port)}"

    def _command(self, main_class: str, *arguments: str, heap: str = "512m") -> list[str]:
        options = [f"-Xmx{heap}", "-XX:+UseG1GC", "-cp", f"{_LIBS}/*"]
        return [_java(), *options, main_class, *arguments]

    @property
    def program(self) -> Program:
        """The command that runs the node."""
        return Program(
            name="kafka",
            group="servers",
            command=self._command("kafka.Kafka", str(self._properties)),
            stop_seconds=30,
        )

    def prepare(self) -> None:
        """Fetch Kafka, write its properties and format its storage, each unless done before.

        Raises:
            MissingToolError: no Java or no Maven.
        """
        _java()
        _fetch_jars()
        self._write_properties()
        if not (self._folder / "meta.properties").exists():
            self._format()

    def _write_properties(self) -> None:
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "log.dirs": str(self._folder),
            "controller.quorum.bootstrap.servers": f"{HOST}:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{self._port},"
            f"CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap_servers}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "6000",
            "auto.create.topics.enable": "false",
        }
        lines = [f"{name}={value}" for name, value in properties.items()]
        self._properties.write_text("\n".join(lines) + "\n")

    def _format(self) -> None:
        tool = "kafka.tools.StorageTool"
        cluster_id = self._run(self._command(tool, "random-uuid")).strip().splitlines()[-1]
        config = str(self._properties)
        self._run(self._command(tool, "format", "--standalone", "-t", cluster_id, "-c", config))

    @staticmethod
    def _run(command: list[str]) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def is_ready(self) -> bool:
        """Tell whether the node accepts connections."""
        return answers(self._port)

    def client_settings(self, _service: str, /) -> dict[str, Settings]:
        """A short session timeout: a killed consumer's partitions move on in seconds."""
        return {"consumer": {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}}
