"""Make the figures again from the event log."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from admin_project.analytics.services.rebuild import RebuildRuns, TablesInUse, rebuild
from kafka_bridge.broker import BrokerError
from kafka_bridge.database import keep_no_query_log
from kafka_bridge.replay import receive_retained


class Command(BaseCommand):
    """`manage.py rebuild_analytics`: beside live consumption; safe to interrupt and to repeat."""

    help = "Make all facts, sums and the ledger again from the event log, and put them in place."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take where to begin."""
        parser.add_argument(
            "--from-kafka",
            action="store_true",
            help="before, receive again all that Kafka still has: the log may lack some of it",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Rebuild, and say which tables had other rows than the log tells."""
        keep_no_query_log()
        try:
            if options["from_kafka"]:
                receive_retained(tell=self.stdout.write)
            differences = rebuild(tell=self.stdout.write)
        except (RebuildRuns, TablesInUse, BrokerError) as error:
            raise CommandError(str(error)) from error
        for table, count in differences.items():
            text = f"{table}: {f'{count} rows differed' if count else 'as it was'}"
            self.stdout.write(self.style.WARNING(text) if count else text)
