"""The Django app that every service installs."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class KafkaBridgeConfig(AppConfig):
    """Loads every installed app's `handlers` module, so that its handlers are registered."""

    name = "kafka_bridge"
    verbose_name = "Kafka bridge"

    def ready(self) -> None:
        """Register handlers and system checks."""
        from kafka_bridge import checks  # noqa: F401, PLC0415 - checks register by being imported

        autodiscover_modules("handlers")
