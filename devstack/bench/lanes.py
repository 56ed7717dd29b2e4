"""What a backlog and a poisoned key cost: `python -m devstack.bench.lanes`.

Drains a backlog of events over many keys, once as it is and once with a key whose every event fails
when its effect is recorded, in the two ways in which events are handled: in the consumer's own
transaction, and by a worker after a call. Printed are the rates, what the poisoned key costs the
others, and how much the memory grew from the first tenth of the backlog to its end.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from devstack.launch import clean_environment, read_env
from devstack.paths import PYTHON, ROOT
from devstack.stack import Stack

if TYPE_CHECKING:
    from kafka_bridge.contracts import Event
    from kafka_bridge.records import Record

POISONED: Final = "customer-1"
_BATCH: Final = 500
_EFFECTS: Final = "CREATE TABLE IF NOT EXISTS bench_effect (event_id uuid, key text)"
_TABLES: Final = (
    "bench_effect, kafka_bridge_inboxevent, kafka_bridge_lane, kafka_bridge_outboxevent"
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One drained backlog: events a second, and megabytes gained after its first tenth."""

    rate: float
    grown: float


def main() -> None:
    """Start PostgreSQL, run the measurements in a service's environment, print them."""
    parser = argparse.ArgumentParser(prog="python -m devstack.bench.lanes", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3, help="of each kind; medians are printed")
    parser.add_argument("--latency", type=float, default=0.0, help="of each call, in seconds")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(_measure(options), indent=2))
        return
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        stack.start_servers()
        subprocess.run(
            [PYTHON, "-m", "devstack.bench.lanes", "--inside", *sys.argv[1:]],
            env=_environment(stack),
            cwd=ROOT,
            check=True,
        )


def _environment(stack: Stack) -> dict[str, str]:
    service = read_env(str(stack.running.env_file("payment")))
    quiet = {"DJANGO_SETTINGS_MODULE": "payment_project.settings", "LOG_LEVEL": "CRITICAL"}
    return clean_environment() | service | quiet


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    import django  # noqa: PLC0415 - in the service's environment only

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from kafka_bridge.database import keep_no_query_log  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    keep_no_query_log()
    with connection.cursor() as cursor:
        cursor.execute(_EFFECTS)
    drains: dict[str, Callable[[argparse.Namespace, bool], Run]] = {
        "inline": _drain_inline,
        "with_calls": _drain_with_calls,
    }
    return {name: _compare(drain, options) for name, drain in drains.items()}


def _compare(
    drain: Callable[[argparse.Namespace, bool], Run], options: argparse.Namespace
) -> dict[str, Any]:
    # Alternately, so that a machine that slows down slows both.
    pairs = [(drain(options, False), drain(options, True)) for _ in range(options.runs)]
    clean = statistics.median(run.rate for run, _ in pairs)
    poisoned = statistics.median(run.rate for _, run in pairs)
    return {
        "events": options.events,
        "keys": options.keys,
        "events_per_second": round(clean),
        "events_per_second_with_a_poisoned_key": round(poisoned),
        "ratio": round(statistics.median(bad.rate / good.rate for good, bad in pairs), 3),
        "megabytes_gained_after_the_first_tenth": round(max(run.grown for run, _ in pairs), 1),
    }


def _drain_inline(options: argparse.Namespace, poisoned: bool) -> Run:
    from kafka_bridge import inbox  # noqa: PLC0415
    from kafka_bridge.consumer import work_due_lanes  # noqa: PLC0415
    from kafka_bridge.contracts import WebhookProcessed  # noqa: PLC0415
    from kafka_bridge.handlers import handles  # noqa: PLC0415
    from kafka_bridge.testing import only_handlers_of_the_test  # noqa: PLC0415

    effects = _Effects(options, poisoned)
    with only_handlers_of_the_test():
        handles(WebhookProcessed)(effects.record)
        records = _records(options)
        effects.begin()
        for start in range(0, len(records), _BATCH):
            inbox.receive(records[start : start + _BATCH])
            work_due_lanes()
        while not effects.complete:
            work_due_lanes()
        return effects.run()


def _drain_with_calls(options: argparse.Namespace, poisoned: bool) -> Run:
    from kafka_bridge import inbox  # noqa: PLC0415
    from kafka_bridge.contracts import WebhookProcessed  # noqa: PLC0415
    from kafka_bridge.handlers import Answered, handles_answers  # noqa: PLC0415
    from kafka_bridge.testing import only_handlers_of_the_test  # noqa: PLC0415
    from kafka_bridge.worker import LaneWorker  # noqa: PLC0415

    effects = _Effects(options, poisoned)

    async def call(_event: WebhookProcessed) -> None:
        await asyncio.sleep(options.latency)

    def record(answers: Sequence[Answered[WebhookProcessed, None]]) -> None:
        effects.record([answer.event for answer in answers])

    with only_handlers_of_the_test():
        handles_answers(WebhookProcessed, call=call)(record)
        records = _records(options)
        for start in range(0, len(records), _BATCH):
            inbox.receive(records[start : start + _BATCH])
        worker = LaneWorker()
        effects.begin()
        while not effects.complete:
            worker.drain()
        worker.stop()
        return effects.run()


class _Effects:
    """Writes a row for each event; those of a poisoned key fail. Keeps the time and the memory."""

    def __init__(self, options: argparse.Namespace, poisoned: bool) -> None:
        from django.db import connection  # noqa: PLC0415

        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {_TABLES}")
        self._poisoned = POISONED if poisoned else ""
        self._wanted = options.events - (options.events // options.keys if poisoned else 0)
        self._recorded = 0
        self._after_a_tenth = 0.0

    @property
    def complete(self) -> bool:
        """Whether every event that can be recorded is."""
        return bool(self._recorded >= self._wanted)

    def begin(self) -> None:
        """Begin to count the time."""
        self._began = time.monotonic()

    def record(self, events: "Sequence[Event]") -> None:
        """Record the events' effects, or none of them if one is of the poisoned key."""
        from django.db import connection, transaction  # noqa: PLC0415

        if any(event.customer_id == self._poisoned for event in events):
            raise ValueError("poisoned")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bench_effect SELECT * FROM unnest(%s::uuid[], %s::text[])",
                [[event.event_id for event in events], [event.customer_id for event in events]],
            )
        transaction.on_commit(lambda: self._count(len(events)))

    def _count(self, recorded: int) -> None:
        self._recorded += recorded
        if not self._after_a_tenth and self._recorded >= self._wanted / 10:
            self._after_a_tenth = _peak_memory()
        if self.complete:
            self._ended = time.monotonic()

    def run(self) -> Run:
        """Tell how it went, after looking that each event took effect once."""
        from django.db import connection  # noqa: PLC0415

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), count(DISTINCT event_id) FROM bench_effect")
            assert cursor.fetchone() == (self._wanted, self._wanted)  # noqa: S101 - or it measured nothing
        return Run(
            rate=self._wanted / (self._ended - self._began),
            grown=_peak_memory() - self._after_a_tenth,
        )


def _records(options: argparse.Namespace) -> "list[Record]":
    from django.utils import timezone  # noqa: PLC0415

    from kafka_bridge.contracts import WebhookProcessed  # noqa: PLC0415
    from kafka_bridge.records import Record  # noqa: PLC0415

    return [
        Record(
            topic=WebhookProcessed.topic,
            partition=0,
            offset=number,
            key=None,
            value=WebhookProcessed(
                customer_id=f"customer-{number % options.keys}",
                webhook_event_id=f"evt_{number}",
                webhook_event_type="payment_intent.succeeded",
                outcome="applied",
                received_at=timezone.now(),
            ).to_json(),
            headers={},
        )
        for number in range(options.events)
    ]


def _peak_memory() -> float:
    """Return the most memory this process has had, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_000_000 if sys.platform == "darwin" else 1000)


if __name__ == "__main__":
    main()
