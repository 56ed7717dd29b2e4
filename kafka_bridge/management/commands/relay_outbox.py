"""Relay the outbox to Kafka."""

from typing import Any

from django.core.management.base import BaseCommand

from kafka_bridge.checks import TAG
from kafka_bridge.database import keep_no_query_log
from kafka_bridge.relay import Relay
from kafka_bridge.signals import stop_on_signal


class Command(BaseCommand):
    """`manage.py relay_outbox`: one is enough, a second takes its share and takes over."""

    help = "Produce this service's outbox to Kafka, each key's events in order, until SIGTERM."
    requires_system_checks = (TAG,)

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run the relay."""
        keep_no_query_log()
        Relay(stop=stop_on_signal()).run()
