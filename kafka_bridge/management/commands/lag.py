"""Show how far this service is behind."""

import json
from argparse import ArgumentParser
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import BaseCommand

from kafka_bridge.lag import PartitionLag, partition_lags
from kafka_bridge.selectors import outbox_backlog

_COLUMNS = [field.name for field in fields(PartitionLag)]


class Command(BaseCommand):
    """`manage.py lag`: joins no consumer group and changes nothing; exits 0 whatever it finds."""

    help = "Show, per topic and partition, what this service has still to do; and its outbox."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the format, and how long to wait for the broker."""
        parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
        parser.add_argument("--timeout", type=float, default=10.0, help="seconds for the broker")

    def handle(self, *_args: Any, timeout: float, **options: Any) -> None:
        """Print the table, or JSON."""
        partitions, problem = partition_lags(timeout=timeout)
        outbox = outbox_backlog()
        if options["json"]:
            facts = {
                "partitions": [asdict(partition) for partition in partitions],
                "outbox": outbox._asdict(),
                "problem": problem or None,
            }
            self.stdout.write(json.dumps(facts))
            return
        for line in _table([_COLUMNS, *(_cells(partition) for partition in partitions)]):
            self.stdout.write(line)
        self.stdout.write(
            f"outbox: {outbox.unpublished} unpublished, the oldest for {outbox.oldest_seconds} s"
        )
        if problem:
            self.stderr.write(self.style.WARNING(f"{problem}; its offsets are unknown"))


def _cells(partition: PartitionLag) -> list[str]:
    cells = asdict(partition)
    if partition.end is not None and partition.committed is None:
        cells["committed"] = "none"
    return ["unknown" if value is None else str(value) for value in cells.values()]


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
