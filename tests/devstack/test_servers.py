import psycopg2
import pytest
import redis
from confluent_kafka.admin import AdminClient

from devstack.apache_kafka import ApacheKafka, MissingToolError
from devstack.ports import Ports
from devstack.postgres import DATABASES, create_missing_databases, database_url
from devstack.stack import AlreadyRunningError, LiveKeyError, Stack
from devstack.waiting import wait_until


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "stack"


def servers(folder):
    return Stack(folder, say=lambda _line: None, environment={})


def execute(url, statement):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


class TestServers:
    def test_second_start_finds_the_data_of_the_first(self, folder):
        with servers(folder) as stack:
            stack.start_servers()
            url = database_url(stack.postgres.url, DATABASES[0])
            execute(url, "CREATE TABLE kept AS SELECT 42 AS answer")

        with servers(folder) as stack:
            stack.start_servers()

            assert database_url(stack.postgres.url, DATABASES[0]) == url
            assert execute(url, "SELECT answer FROM kept") == [(42,)]

    def test_postgres_is_durable_and_asks_for_a_password(self, folder):
        with servers(folder) as stack:
            stack.start_servers()

            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                assert execute(stack.postgres.url, f"SHOW {setting}") == [("on",)]
            with pytest.raises(psycopg2.OperationalError, match="password"):
                psycopg2.connect(stack.postgres.url, password="wrong")

    def test_killed_server_is_restarted(self, folder):
        with servers(folder) as stack:
            stack.start_servers()
            valkey = redis.Redis.from_url(stack.valkey.url)
            killed = stack.running.kill("valkey")

            stack.running.wait_until_restarted("valkey", killed=killed)

            wait_until(lambda: answers_ping(valkey), what="Valkey")

    def test_kafka_answers(self, folder):
        with servers(folder) as stack:
            stack.start_servers()
            admin = AdminClient({"bootstrap.servers": stack.kafka.bootstrap_servers})

            assert admin.list_topics(timeout=10).brokers

    def test_second_stack_on_the_same_data_is_refused(self, folder):
        with (
            servers(folder),
            pytest.raises(AlreadyRunningError, match="already"),
        ):
            servers(folder)

    def test_live_key_is_refused(self, folder):
        with pytest.raises(LiveKeyError, match="sk_test_"):
            Stack(folder, environment={"STRIPE_API_KEY": "sk_live_1"})

    def test_databases_are_created_once(self, folder):
        with servers(folder) as stack:
            stack.start_servers()

            create_missing_databases(stack.postgres.url)

            names = execute(stack.postgres.url, "SELECT datname FROM pg_database")
            assert {name for (name,) in names} >= set(DATABASES)


def answers_ping(valkey):
    try:
        return valkey.ping()
    except redis.ConnectionError:
        return False


class TestApacheKafka:
    def test_without_java_it_says_what_is_missing(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(MissingToolError, match="Java 17 or newer"):
            ApacheKafka(tmp_path, Ports(tmp_path / "ports.json")).prepare()
