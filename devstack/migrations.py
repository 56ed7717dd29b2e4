"""Which services' databases want migrating: Django need not be asked where nothing has changed."""

import hashlib

import psycopg2
from psycopg2 import sql

from devstack.paths import ROOT
from devstack.services import SERVICES

_COMMENT = (
    "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = "
    "current_database()"
)


def unmigrated(database_urls: dict[str, str]) -> list[str]:
    """Return the services whose migrations or pinned packages have changed since the last time."""
    return [name for name in SERVICES if _comment(database_urls[name]) != _fingerprint(name)]


def mark_migrated(database_urls: dict[str, str], services: list[str]) -> None:
    """Write to each database, as its comment, what was migrated: it goes where the data goes."""
    for service in services:
        connection = psycopg2.connect(database_urls[service])
        connection.autocommit = True
        with connection.cursor() as cursor:
            name = sql.Identifier(connection.info.dbname)
            statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
            cursor.execute(statement.format(name, sql.Literal(_fingerprint(service))))
        connection.close()


def _comment(url: str) -> str | None:
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute(_COMMENT)
        (comment,) = cursor.fetchone() or (None,)
    connection.close()
    return None if comment is None else str(comment)


def _fingerprint(service: str) -> str:
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for folder in ("kafka_bridge", f"{service}_project"):
        for file in sorted((ROOT / folder).rglob("migrations/*.py")):
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return f"migrated: {digest.hexdigest()}"
