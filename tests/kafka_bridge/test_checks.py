import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from kafka_bridge.contracts import EVENT_CLASSES
from kafka_bridge.errors import HandledTwice
from kafka_bridge.handlers import handles
from tests.kafka_bridge.noted import Noted


@pytest.fixture(autouse=True)
def demo(settings):
    """As the demo runs, with its keys; pytest-django has put DEBUG off."""
    settings.DEBUG = True
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_demo"]


def found():
    return {
        message.id: message
        for message in checks.run_checks()
        if (message.id or "").startswith("kafka_bridge.")
    }


def test_the_service_as_it_is_passes():
    call_command("check", fail_level="WARNING")


class TestConsumedTopics:
    @pytest.fixture(autouse=True)
    def consumed(self, settings):
        settings.CONSUMED_TOPICS = [Noted.topic]

    def test_handled(self, ledger):
        assert found() == {}

    def test_without_a_handler(self, registry):
        error = found()["kafka_bridge.E006"]

        assert "webhook.processed" in error.msg
        assert "Noted" in error.msg
        assert "@handles" in error.hint

    def test_without_a_contract(self, ledger, monkeypatch):
        monkeypatch.delitem(EVENT_CLASSES, Noted.topic)

        assert "no contract" in found()["kafka_bridge.E005"].msg

    def test_handled_and_not_declared(self, ledger, settings):
        settings.CONSUMED_TOPICS = []

        warning = found()["kafka_bridge.W001"]

        assert warning.level == checks.WARNING
        assert "Ledger.record_events" in warning.msg

    def test_not_declared_at_all(self, ledger, settings):
        del settings.CONSUMED_TOPICS

        assert "kafka_bridge.E004" in found()

    def test_missing_handler_stops_a_command_before_it_runs(self, registry):
        with pytest.raises(SystemCheckError, match=r"webhook\.processed"):
            call_command("lag", skip_checks=False)


class TestHandlers:
    def test_second_handler_of_an_event_is_refused_and_both_are_named(self, ledger):
        def another(events):
            """Never called."""

        with pytest.raises(HandledTwice, match=r"Noted is handled by .*Ledger.* and by .*another"):
            handles(Noted)(another)


class TestSettings:
    @pytest.mark.parametrize(
        "name", ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC_PARTITIONS", "KAFKA_TOPIC_REPLICATION"]
    )
    def test_missing(self, name, settings):
        setattr(settings, name, type(getattr(settings, name))())

        assert name in found()["kafka_bridge.E003"].msg

    def test_celery_broker_is_needed_where_handlers_call(self, answering_ledger, settings):
        settings.CONSUMED_TOPICS = [Noted.topic]
        settings.CELERY_BROKER_URL = ""

        assert "CELERY_BROKER_URL" in found()["kafka_bridge.E003"].msg

    def test_celery_broker_is_not_needed_elsewhere(self, ledger, settings):
        settings.CONSUMED_TOPICS = [Noted.topic]
        settings.CELERY_BROKER_URL = ""

        assert found() == {}

    def test_unnamed_service(self, settings):
        settings.SERVICE_NAME = ""

        assert "SERVICE_NAME" in found()["kafka_bridge.E001"].msg

    def test_demo_key_in_production(self, settings):
        settings.DEBUG = False
        settings.STRIPE_API_KEY = "sk_test_paybridge_demo"

        assert "kafka_bridge.E002" in found()

    @pytest.mark.parametrize(
        ("debug", "said"), [(True, "kafka_bridge.W002"), (False, "kafka_bridge.E007")]
    )
    def test_no_secret_for_webhooks(self, debug, said, settings):
        settings.DEBUG = debug
        settings.STRIPE_WEBHOOK_SECRETS = []

        assert said in found()
