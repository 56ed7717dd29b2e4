"""What the system is compared with, on the same servers: the tutorial's pipeline, the raw limit."""

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg2
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from psycopg2.extras import execute_values

from devstack.bench.system import System
from devstack.groups import wait_until_stable
from devstack.launch import clean_environment
from devstack.paths import PYTHON, ROOT
from devstack.postgres import create_missing_databases, database_url
from devstack.waiting import wait_until

SERVICES: Final = ("customer", "payment", "admin")
_PARTITIONS: Final = 3
_BATCH: Final = 500

_TABLE: Final = """
DROP TABLE IF EXISTS tutorial_payment;
CREATE TABLE tutorial_payment (
    id uuid PRIMARY KEY, customer_id varchar(255) NOT NULL, amount bigint NOT NULL,
    currency varchar(3) NOT NULL, status varchar(32) NOT NULL,
    payment_intent_id varchar(255) NOT NULL,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL
)
"""
_DONE: Final = """
SELECT count(*), extract(epoch FROM max(updated_at)) FROM tutorial_payment
WHERE status = 'succeeded'
"""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Payments worked off."""

    count: int
    seconds: float

    @property
    def rate(self) -> float:
        """Payments a second."""
        return self.count / self.seconds


def tutorial(system: System, *, count: int, pool: tuple[str, ...] = ()) -> Timed:
    """Accept payments, then start the tutorial's consumers and its worker, and time them.

    `pool` are Celery's options; without any it starts what tutorials start: prefork, one a core.
    The time begins when the first payment is charged, so that starting Python is not in it.
    """
    urls = {name: database_url(system.running.database_urls["admin"], f"tutorial_{name}")
            for name in SERVICES}  # fmt: skip
    create_missing_databases(
        database_url(system.running.database_urls["admin"], "postgres"),
        tuple(f"tutorial_{name}" for name in SERVICES),
    )
    for url in urls.values():
        _execute(url, _TABLE)
    prefix = f"tutorial.{uuid.uuid4()}"
    _create_topics(system, [f"{prefix}.{name}" for name in ("requests", "results", "analytics")])
    environment = clean_environment() | {
        "DJANGO_SETTINGS_MODULE": "devstack.bench.tutorial.settings",
        "KAFKA_BOOTSTRAP_SERVERS": system.running.bootstrap_servers,
        "CELERY_BROKER_URL": system.stack.valkey.url,
        "STRIPE_API_BASE": system.stripe_url,
        "TUTORIAL_TOPIC_PREFIX": prefix,
    }
    environments = {
        name: environment
        | {
            "DATABASE_URL": urls[name],
            "KAFKA_CLIENT_SETTINGS": json.dumps(system.stack.kafka.client_settings(name)),
        }
        for name in SERVICES
    }
    run = [PYTHON, "-m", "devstack.bench.tutorial.run"]
    subprocess.run([*run, "accept", str(count)], env=environments["customer"], cwd=ROOT, check=True)
    app = "devstack.bench.tutorial"
    celery = [PYTHON, "-W", "ignore", "-m", "celery", "--quiet", "-A", app, "worker"]
    worker = [*celery, "--queues", prefix, "--loglevel", "ERROR", *pool]
    with ExitStack() as running:
        running.enter_context(_process(worker, environments["payment"]))
        for name in ("customer", "admin"):
            running.enter_context(_process([*run, name], environments[name]))
        listening = [f"tutorial-{prefix}.{topic}" for topic in ("results", "analytics")]
        wait_until_stable(system.running.bootstrap_servers, listening)
        charged = system.stripe()["requests"]
        running.enter_context(_process([*run, "payment"], environments["payment"]))
        wait_until(
            lambda: system.stripe()["requests"] > charged, what="a charge", seconds=60, every=0.005
        )
        began = time.time()
        wait_until(
            lambda: all(_done(urls[name])[0] == count for name in ("customer", "admin")),
            what=f"the tutorial's {count} payments",
            seconds=600,
            every=0.1,
        )
        ended = max(_done(urls[name])[1] for name in ("customer", "admin"))
    return Timed(count=count, seconds=ended - began)


def raw_limit(system: System, *, count: int) -> Timed:
    """Produce, consume, and write batches to PostgreSQL: no Django, no guarantee, one process."""
    topic = f"raw.{uuid.uuid4()}"
    _create_topics(system, [topic])
    url = system.running.database_urls["admin"]
    _execute(url, "DROP TABLE IF EXISTS bench_raw; CREATE TABLE bench_raw (value bytea)")
    servers = {"bootstrap.servers": system.running.bootstrap_servers}
    producer = Producer(servers | {"acks": "all", "linger.ms": 5})
    consumer = Consumer(
        servers
        | system.stack.kafka.client_settings("payment").get("consumer", {})
        | {"group.id": topic, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    )
    consumer.subscribe([topic])
    value = b"x" * 600  # a payment request's size
    connection = psycopg2.connect(url)
    try:
        while not consumer.assignment():
            consumer.poll(0.1)
        began = time.time()
        for number in range(count):
            producer.produce(topic, value, key=str(number % 1000))
            producer.poll(0)
        producer.flush()
        written = 0
        while written < count:
            values = [(message.value(),) for message in consumer.consume(_BATCH, 0.05)]
            if values:
                with connection, connection.cursor() as cursor:
                    execute_values(cursor, "INSERT INTO bench_raw VALUES %s", values)
                consumer.commit(asynchronous=True)
                written += len(values)
        return Timed(count=count, seconds=time.time() - began)
    finally:
        consumer.close()
        connection.close()
        _execute(url, "DROP TABLE bench_raw")


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(command, env=environment, cwd=ROOT) as process:
        try:
            yield
        finally:
            process.terminate()


def _create_topics(system: System, names: list[str]) -> None:
    admin = AdminClient({"bootstrap.servers": system.running.bootstrap_servers})
    topics = [NewTopic(name, _PARTITIONS, 1) for name in names]
    for created in admin.create_topics(topics).values():
        created.result(30)


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def _done(url: str) -> tuple[int, float]:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(_DONE)
        count, last = cursor.fetchone() or (0, 0)
    connection.close()
    return int(count), float(last or 0)
