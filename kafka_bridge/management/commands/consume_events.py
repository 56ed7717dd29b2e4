"""Consume the events of this service."""

from typing import Any

from django.core.management.base import BaseCommand

from kafka_bridge.checks import TAG
from kafka_bridge.consumer import EventConsumer
from kafka_bridge.database import keep_no_query_log
from kafka_bridge.signals import stop_on_signal


class Command(BaseCommand):
    """`manage.py consume_events`: run as many as there are partitions, at most."""

    help = "Store this service's events in its inbox and have them handled, until SIGTERM."
    requires_system_checks = (TAG,)

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run the consumer."""
        keep_no_query_log()
        EventConsumer(stop=stop_on_signal()).run()
