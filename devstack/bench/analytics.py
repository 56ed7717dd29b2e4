"""The admin service with a long history: how fast it takes events, and how fast figures are read.

python -m devstack.bench.analytics [--payments 1000000] [--events 20000]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import django

from devstack.commands import guarded, say
from devstack.launch import clean_environment, read_env
from devstack.paths import PYTHON, ROOT
from devstack.stack import Stack

_LEAST: Final = 2000
"""Events a second: with fewer, the exit code is 1."""
_BATCH: Final = 500
_CUSTOMERS: Final = 50_000


def main(arguments: list[str]) -> int:
    """Measure on fresh servers, or, within the admin service's environment, on its database."""
    parser = argparse.ArgumentParser(prog="python -m devstack.bench.analytics")
    parser.add_argument("--payments", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--here", action="store_true", help="in the environment that is set")
    options = parser.parse_args(arguments)
    if options.here:
        django.setup()
        measured = _measure(options.payments, options.events)
        print(json.dumps(measured, indent=2))
        return int(measured["ingest"]["events_per_second"] < _LEAST)
    return guarded(lambda: _on_fresh_servers(arguments))


def _on_fresh_servers(arguments: list[str]) -> int:
    with (
        tempfile.TemporaryDirectory(prefix="paybridge-bench-") as folder,
        Stack(Path(folder), kafka="embedded", say=say) as stack,
    ):
        stack.start_servers()
        settings = {"DJANGO_SETTINGS_MODULE": "admin_project.settings"}
        service = read_env(str(stack.running.env_file("admin")))
        environment = clean_environment() | service | settings
        manage = [PYTHON, "manage_scripts/admin.py", "migrate", "--verbosity=0"]
        subprocess.run(manage, env=environment, cwd=ROOT, check=True)
        here = [PYTHON, "-m", "devstack.bench.analytics", "--here", *arguments]
        return subprocess.run(here, env=environment, cwd=ROOT, check=False).returncode


def _measure(payments: int, events: int) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415 - needs Django's settings

    from devstack.bench.year_of_payments import make_history  # noqa: PLC0415
    from kafka_bridge.database import keep_no_query_log  # noqa: PLC0415

    keep_no_query_log()
    rows = make_history(payments)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return {"rows": rows, "ingest": _ingest(events), "milliseconds": dict(_read_figures())}


def _ingest(count: int) -> dict[str, float]:
    """Take records as the consumer does after its poll: inbox, log, facts and sums."""
    from kafka_bridge import inbox  # noqa: PLC0415 - needs Django's apps
    from kafka_bridge.records import Record  # noqa: PLC0415

    values = [_record_value(number) for number in range(count)]
    records = [
        Record("payment.analytics", number % 6, number, None, value, {})
        for number, value in enumerate(values)
    ]
    inbox.receive(records[:_BATCH])
    began, used = time.monotonic(), _cpu_seconds()
    for start in range(_BATCH, count, _BATCH):
        inbox.receive(records[start : start + _BATCH])
    seconds = time.monotonic() - began
    ours, servers = (after - before for after, before in zip(_cpu_seconds(), used, strict=True))
    taken = count - _BATCH
    return {
        "events_per_second": taken / seconds,
        "cpu_ms_an_event": (ours + servers) / taken * 1000,
        "cpu_ms_python": ours / taken * 1000,
        "cpu_ms_postgres": servers / taken * 1000,
        "events_per_second_of_one_core": taken / (ours + servers),
    }


def _record_value(number: int) -> bytes:
    from kafka_bridge.contracts import PaymentMeasured, PaymentStatus  # noqa: PLC0415

    requested_at = datetime.now(UTC) - timedelta(milliseconds=700)
    declined = number % 6 == 0
    return PaymentMeasured(
        correlation_id=uuid.uuid4(),
        customer_id=f"c{number % _CUSTOMERS}",
        payment_id=uuid.uuid4(),
        payment_intent_id=f"pi_new_{number}",
        status=PaymentStatus.REQUIRES_PAYMENT_METHOD if declined else PaymentStatus.SUCCEEDED,
        amount=1000 + number % 1000,
        currency=("eur", "usd", "jpy")[number % 3],
        decline_code="insufficient_funds" if declined else None,
        revision=1,
        card_brand=("visa", "mastercard", "amex")[number % 3],
        card_country=("FR", "DE", "US", "GB", "ES", "IT", "NL", "BE", "CH", "JP")[number % 10],
        requested_at=requested_at,
    ).to_json()


def _cpu_seconds() -> tuple[float, float]:
    """Return the CPU seconds of this process and of its PostgreSQL backend."""
    from django.db import connection  # noqa: PLC0415 - needs Django's settings

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone() or (0,)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return time.process_time(), ticks / os.sysconf("SC_CLK_TCK")


def _read_figures() -> Iterator[tuple[str, float]]:
    """Time what a dashboard reads: the median of five, over 90 days and over the year."""
    from admin_project.analytics import selectors  # noqa: PLC0415 - needs Django's apps
    from admin_project.analytics.models import Grain  # noqa: PLC0415

    day = selectors.Period.until(datetime.now(UTC), days=1)
    by_hour = partial(selectors.series, day, grain=Grain.HOUR)
    yield "series by hour, 1 day", statistics.median(_timed(by_hour) for _ in range(5))
    for days in (90, 365):
        period = selectors.Period.until(datetime.now(UTC), days=days)
        reads: dict[str, Callable[[], object]] = {
            "figures": partial(selectors.figures, period),
            "series by day": partial(selectors.series, period),
            "by country": partial(selectors.breakdown, period, "country"),
            "by plan": partial(selectors.breakdown, period, "plan"),
            "by decline code": partial(selectors.breakdown, period, "decline_code"),
            "3-D Secure": partial(selectors.three_d_secure_funnel, period),
            "latency": partial(selectors.latency, period),
            "churn": partial(selectors.churn, period),
            "trials": partial(selectors.trial_conversion, period),
            "dunning": partial(selectors.dunning, period),
        }
        for name, read in reads.items():
            yield f"{name}, {days} days", statistics.median(_timed(read) for _ in range(5))
    yield "all payments", statistics.median(_timed(selectors.payment_figures) for _ in range(5))


def _timed(read: Callable[[], object]) -> float:
    began = time.perf_counter()
    read()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
