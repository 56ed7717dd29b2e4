import json

import pytest

from devstack.kafka import EmbeddedKafka, ExternalKafka
from devstack.ports import Ports
from devstack.services import Backends, environments

KEYS = {"customer": "1", "payment": "2", "admin": "3"}


def environments_with(host, broker=None):
    backends = Backends(
        database_server_url="postgresql://u:p@localhost:5432/postgres",
        broker=broker or ExternalKafka("kafka:9092"),
        celery_broker_url="redis://localhost/0",
        stripe_api_base="http://127.0.0.1:8004",
        host_environment=host,
    )
    return environments(backends, secret_keys=KEYS)


class TestEnvironments:
    @pytest.mark.parametrize("name", ["STRIPE_API_KEY", "STRIPE_API_BASE", "CELERY_BROKER_URL"])
    def test_only_payment_knows(self, name):
        services = environments_with({"STRIPE_API_KEY": "sk_test_1"})

        assert [service for service, env in services.items() if name in env] == ["payment"]

    def test_own_stripe_key_is_used(self):
        assert environments_with({"STRIPE_API_KEY": "sk_test_1"})["payment"]["STRIPE_API_KEY"] == (
            "sk_test_1"
        )

    def test_each_has_its_own_database(self):
        urls = {env["DATABASE_URL"] for env in environments_with({}).values()}

        assert urls == {f"postgresql://u:p@localhost:5432/paybridge_{service}" for service in KEYS}

    def test_own_kafka_settings_win_over_what_the_broker_needs(self, tmp_path):
        broker = EmbeddedKafka(Ports(tmp_path / "ports.json"))
        host = {"KAFKA_CONSUMER_SETTINGS": '{"session.timeout.ms":9000}'}

        settings = json.loads(environments_with(host, broker)["admin"]["KAFKA_CONSUMER_SETTINGS"])

        assert (settings["session.timeout.ms"], settings["heartbeat.interval.ms"]) == (9000, 1000)

    def test_kafka_security_is_passed_on_to_all(self):
        host = {"KAFKA_CLIENT_SETTINGS": '{"security.protocol":"SASL_SSL"}'}

        for env in environments_with(host).values():
            assert env["KAFKA_CLIENT_SETTINGS"] == '{"security.protocol":"SASL_SSL"}'
