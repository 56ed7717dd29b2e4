"""The whole system on this machine: servers, three services, Stripe's emulator."""

import contextlib
import fcntl
import http.client
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psycopg2

from devstack import services
from devstack.apache_kafka import ApacheKafka
from devstack.groups import wait_until_stable
from devstack.kafka import Broker, EmbeddedKafka, ExternalKafka, Through, directly
from devstack.migrations import mark_migrated, unmigrated
from devstack.paths import PYTHON
from devstack.ports import HOST, Ports
from devstack.postgres import (
    EmbeddedPostgres,
    ExternalPostgres,
    create_missing_databases,
    database_url,
)
from devstack.program import Program, Server
from devstack.running import RunningStack
from devstack.supervisor import Supervisor
from devstack.valkey import EmbeddedValkey, ExternalValkey
from devstack.waiting import DeadlinePassedError, wait_until
from devstack.webhook_endpoint import webhook_secret

KAFKA_CHOICES = ("embedded", "apache")


class LiveKeyError(RuntimeError):
    """The demo and the tests would move real money."""


class AlreadyRunningError(RuntimeError):
    """Another stack uses the same data folder."""


class Stack:
    """Servers and services on the data of one folder.

    A server whose variable is set in the environment (DATABASE_URL, CELERY_BROKER_URL,
    KAFKA_BOOTSTRAP_SERVERS, STRIPE_API_KEY or STRIPE_API_BASE) is used where it is; the others
    are started here. `stripe_journal` has the emulator note each request there; `through` is how
    the services reach Kafka and Stripe's emulator; `environment_of` what a service has besides.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kafka: str = "embedded",
        say: Callable[[str], None] = print,
        environment: dict[str, str] | None = None,
        stripe_journal: Path | None = None,
        through: Through = directly,
        environment_of: Callable[[str], dict[str, str]] = lambda _: {},
    ) -> None:
        self._say = say
        self._stripe_journal = stripe_journal
        self._through = through
        self._environment_of = environment_of
        self._environment = dict(os.environ) if environment is None else environment
        if "_live_" in self._environment.get("STRIPE_API_KEY", ""):
            raise LiveKeyError("STRIPE_API_KEY is a live key. This takes test keys only: sk_test_…")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._take_lock()
        self._ports = Ports(folder / "ports.json")
        self.supervisor = Supervisor(folder, self._ports)
        self.supervisor.wait_for_predecessor()  # which may still hold the ports
        self.postgres = self._choose_postgres()
        self.valkey = self._choose_valkey()
        self.kafka = self._choose_kafka(kafka)
        self.stripe_url = self._choose_stripe()
        self._services_started = False

    def _take_lock(self) -> IO[str]:
        lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise AlreadyRunningError(
                f"Process {owner} runs on {self.folder} already; stop it first."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _choose_postgres(self) -> EmbeddedPostgres | ExternalPostgres:
        url = self._environment.get("DATABASE_URL")
        return ExternalPostgres(url) if url else EmbeddedPostgres(self.folder, self._ports)

    def _choose_valkey(self) -> EmbeddedValkey | ExternalValkey:
        url = self._environment.get("CELERY_BROKER_URL")
        return ExternalValkey(url) if url else EmbeddedValkey(self.folder, self._ports)

    def _choose_kafka(self, kind: str) -> Broker:
        servers = self._environment.get("KAFKA_BOOTSTRAP_SERVERS")
        if servers:
            return ExternalKafka(servers)
        if kind == "apache":
            return ApacheKafka(self.folder, self._ports, through=self._through)
        return EmbeddedKafka(self._ports, through=self._through)

    def _choose_stripe(self) -> str | None:
        """Return the base URL of Stripe's API; None is Stripe's own."""
        base = self._environment.get("STRIPE_API_BASE")
        if base or self._environment.get("STRIPE_API_KEY"):
            return base
        return f"http://{HOST}:{self._ports.get('stripe-emulator', preferred=8004)}"

    def _stripe_api_base(self) -> str | None:
        """Return where the services reach Stripe's API."""
        if not self.uses_emulator:
            return self.stripe_url
        port = self._through("stripe-emulator", self._ports.get("stripe-emulator"))
        return f"http://{HOST}:{port}"

    @property
    def uses_emulator(self) -> bool:
        """Whether Stripe is the emulator started here."""
        given = {"STRIPE_API_BASE", "STRIPE_API_KEY"}
        return not any(self._environment.get(name) for name in given)

    @property
    def running(self) -> RunningStack:
        """The addresses of everything; `start_servers` leaves them in the data folder."""
        return RunningStack(
            folder=str(self.folder),
            urls={
                name: f"http://{HOST}:{services.web_port(name, self._ports)}"
                for name in services.SERVICES
            },
            database_urls={
                name: database_url(self.postgres.url, f"paybridge_{name}")
                for name in services.SERVICES
            },
            bootstrap_servers=self.kafka.bootstrap_servers,
            kafka_keeps_records=self.kafka.keeps_records,
            stripe_url=self.stripe_url,
            uses_emulator=self.uses_emulator,
            supervisor_port=self._ports.get("supervisord"),
            supervisor_password=self.supervisor.password,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # Starting

    def start_servers(self) -> None:
        """Start PostgreSQL, Valkey, Kafka and Stripe's emulator; create databases and env files."""
        with self._step("Servers (PostgreSQL, Valkey, Kafka)"):
            servers = (self.postgres, self.valkey, self.kafka)
            for server in servers:
                server.prepare()
            own = [server.program for server in servers if server.program]
            self.supervisor.start([*own, *self._stripe_programs(), *self._service_programs()])
            for server in servers:
                self._wait_for_server(server)
            create_missing_databases(self.postgres.url)
            self._write_env_files()
            self.running.save()
            if self.uses_emulator:
                self.supervisor.client.start("stripe-emulator")

    def _wait_for_server(self, server: Server) -> None:
        def ready() -> bool:
            if server.program:
                self.supervisor.client.check(server.program.name)
            return server.is_ready()

        what = server.program.name if server.program else "an external server"
        wait_until(ready, what=f"{what} to accept connections", seconds=60)

    def _service_programs(self) -> list[Program]:
        return services.programs(self.folder, self._ports)

    def _stripe_programs(self) -> list[Program]:
        if not self.uses_emulator:
            return []
        port = str(self._ports.get("stripe-emulator"))
        database = str(self.folder / "stripe-emulator.sqlite3")
        command = [PYTHON, "-m", "devstack.stripe_emulator", "--port", port, "--db", database]
        if self._stripe_journal:
            command += ["--journal", str(self._stripe_journal)]
        return [Program(name="stripe-emulator", group="stripe", command=command)]

    def _register_webhooks(self, stripe_url: str) -> None:
        """Have the emulator deliver its webhooks to the customer service, which gets the secret."""
        self._wait_for_web("stripe-emulator", stripe_url)
        secret = webhook_secret(
            stripe_url=stripe_url,
            endpoint_url=f"{self.running.urls['customer']}/webhooks/stripe/",
            file=self.folder / "webhook-endpoint.json",
        )
        self._write_env_files(webhook_secret=secret)

    def _write_env_files(self, *, webhook_secret: str = "") -> None:
        backends = services.Backends(
            database_server_url=self.postgres.url,
            broker=self.kafka,
            celery_broker_url=self.valkey.url,
            stripe_api_base=self._stripe_api_base(),
            webhook_secret=webhook_secret,
            return_urls=tuple(self.running.urls.values()),
            host_environment=self._environment,
        )
        keys = services.secret_keys(self.folder / "secret-keys.json")
        for service, variables in services.environments(backends, secret_keys=keys).items():
            services.write_env_file(
                self.folder / f"{service}.env", variables | self._environment_of(service)
            )

    def start_services(self) -> None:
        """Migrate, create the topics, and start every process of the three services."""
        running, supervisor = self.running, self.supervisor.client
        with self._step("Migrations and topics"):
            behind = unmigrated(running.database_urls)
            migrations = {f"{name}-migrate": (name, "migrate") for name in behind}
            topics = {"create-topics": ("admin", "create_topics")}
            running.manage_together(migrations | topics)
            mark_migrated(running.database_urls, behind)
        with self._step("Services"):
            if self.uses_emulator and self.stripe_url:
                self._register_webhooks(self.stripe_url)
            supervisor.start_group("web")
            supervisor.start_group("services")
            self._services_started = True
            for service, url in running.urls.items():
                self._wait_for_web(f"{service}-web", url)
            for program in self._service_programs():
                supervisor.check(program.name)
            groups = [f"{name}-service" for name in services.SERVICES]
            wait_until_stable(running.bootstrap_servers, groups)

    def _wait_for_web(self, name: str, url: str) -> None:
        def answers() -> bool:
            self.supervisor.client.check(name)
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
            try:
                connection.request("GET", "/admin/login/")
                connection.getresponse()
            except OSError:
                return False
            finally:
                connection.close()
            return True

        wait_until(answers, what=f"{name} to answer", seconds=60, every=0.1)

    @contextlib.contextmanager
    def _step(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._say(f"  {what}: {time.monotonic() - started:.1f} s")

    # Stopping

    def stop(self) -> None:
        """Stop everything in order, so that nothing is in flight when the servers stop."""
        try:
            if self._services_started:
                self._drain()
        finally:
            self.supervisor.stop()
            self._lock.close()

    def _drain(self) -> None:
        """Take no more requests and let what was accepted reach its end.

        The embedded Kafka forgets its records when it stops; the outbox and the inbox do not.
        """
        try:
            self.supervisor.client.stop_group("web")
            self.running.wait_until_settled(seconds=10)
        except (OSError, DeadlinePassedError, psycopg2.Error) as error:
            self._say(f"  Stopping with work left: {error}")
