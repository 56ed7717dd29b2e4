"""One run: start everything, hurt it while customers pay, heal it, account for every cent."""

import argparse
import json
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from devstack.chaos import invariants
from devstack.chaos.customers import make_customers, make_merchant
from devstack.chaos.evidence import gather
from devstack.chaos.faults import Injector
from devstack.chaos.forgery import Forger
from devstack.chaos.gate import Gate
from devstack.chaos.journal import Journal
from devstack.chaos.load import Load
from devstack.chaos.orders import orders
from devstack.chaos.processes import Processes
from devstack.chaos.quota import QUOTA, read_requests
from devstack.chaos.records import Records
from devstack.chaos.recovery import recovery
from devstack.chaos.report import Report
from devstack.chaos.schedule import RATE, Step, plan
from devstack.chaos.settle import SECONDS, heal, settle
from devstack.chaos.weather import Weather
from devstack.commands import guarded, say
from devstack.paths import STATE
from devstack.ports import Ports
from devstack.services import DEMO_API_KEY, SERVICES
from devstack.stack import KAFKA_CHOICES, Stack
from kafka_bridge.contracts import Topic

_CUSTOMERS: Final = 24
_RATE_LIMITS: Final = ("STRIPE_RATE_LIMIT", "STRIPE_ENDPOINT_RATE_LIMIT")
_LOGS: Final = STATE / "chaos-logs"


def main(arguments: list[str]) -> int:
    """Run once and return 0 if every invariant holds."""
    options = _parse(arguments)
    return guarded(lambda: _main(options))


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="chaos.py", description="Kill everything while customers pay; count every cent."
    )
    parser.add_argument("--payments", type=int, default=300, help="how many (300)")
    parser.add_argument("--seed", type=int, default=1, help="repeats a run's schedule (1)")
    parser.add_argument("--rate", type=float, default=RATE, help="payments a second (5)")
    parser.add_argument("--kafka", choices=KAFKA_CHOICES, default="embedded")
    parser.add_argument(
        "--only", default="", help="disruptions that this regular expression finds, as in --plan"
    )
    parser.add_argument(
        "--settle", type=float, default=SECONDS, help=f"seconds to come to rest ({SECONDS:g})"
    )
    parser.add_argument("--plan", action="store_true", help="print the schedule and do nothing")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, on one line")
    return parser.parse_args(arguments)


def _main(options: argparse.Namespace) -> int:
    if options.plan:
        for step in _plan(options):
            say(str(step))
        return 0
    STATE.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=STATE))
    try:
        report = _run(options, folder)
    finally:
        _keep_logs(folder)
    for line in report.lines():
        say(line)
    (_LOGS / "report.json").write_text(json.dumps(report.as_json(), indent=2))
    if report.violations:
        say(f"Logs and report: {_LOGS}. The same schedule: --seed {options.seed}")
    if options.json:
        say(json.dumps(report.as_json()))
    return 1 if report.violations else 0


def _plan(options: argparse.Namespace) -> list[Step]:
    return plan(
        seed=options.seed,
        payments=options.payments,
        topics=[str(topic) for topic in Topic],
        kafka_too=options.kafka == "apache",  # the embedded one forgets its records
        only=options.only,
        rate=options.rate,
    )


def _run(options: argparse.Namespace, folder: Path) -> Report:
    started = time.monotonic()
    say(f"Starting, seed {options.seed}:")
    ports = Ports(folder / "ports.json")
    for program in ("stripe-emulator", *(f"{service}-web" for service in SERVICES)):
        ports.get(program)  # no usual one: while it is killed, another stack would take it
    environment = {**os.environ, **dict.fromkeys(_RATE_LIMITS, str(QUOTA))}
    requests = folder / "stripe-requests.jsonl"
    with Stack(
        folder, kafka=options.kafka, say=say, environment=environment, stripe_journal=requests
    ) as stack:
        stack.start_servers()
        stack.start_services()
        return _hurt_and_check(options, stack, started)


def _hurt_and_check(options: argparse.Namespace, stack: Stack, started: float) -> Report:
    running = stack.running
    if not running.uses_emulator or not running.stripe_url:
        raise SystemExit("Chaos needs Stripe's emulator: unset STRIPE_API_KEY and STRIPE_API_BASE.")
    tokens = make_customers(running, _CUSTOMERS)
    journal, gate = Journal(), Gate(rate=options.rate)
    processes = Processes(running)
    weather = Weather(running.stripe_url, seed=options.seed)
    records = Records(running.bootstrap_servers, seed=options.seed)
    forger = Forger(running, journal)
    injector = Injector(
        stack=running,
        steps=_plan(options),
        gate=gate,
        processes=processes,
        weather=weather,
        records=records,
        forger=forger,
        say=say,
    )
    load = Load(
        running,
        seed=options.seed,
        tokens=tokens,
        merchant_token=make_merchant(running),
        gate=gate,
        journal=journal,
    )
    wanted = orders(seed=options.seed, payments=options.payments, customers=_CUSTOMERS)
    began = time.monotonic()
    clients = threading.Thread(target=load.run, args=(wanted,), name="load", daemon=True)
    clients.start()
    say(f"{options.payments} payments, and what goes wrong meanwhile:")
    injector.run()
    broken = heal(processes, weather)
    clients.join()
    load_seconds = time.monotonic() - began
    say("The faults have ended.")
    settle_seconds, unsettled = settle(running, weather, seconds=options.settle)
    if not unsettled:
        running.manage("payment", "record_balance")  # beat would, within a minute
        unsettled = settle(running, weather, seconds=options.settle)[1]
    evidence = gather(
        running,
        journal=journal,
        forgeries=forger.forgeries,
        records=records,
        secrets=[DEMO_API_KEY, forger.secret],
        requests=read_requests(Path(running.folder) / "stripe-requests.jsonl"),
        disturbed=injector.disturbed(),
        unsettled=broken or unsettled,
    )
    return Report(
        seed=options.seed,
        broker=options.kafka,
        payments=options.payments,
        findings=invariants.check(evidence),
        happened=injector.happened,
        kills=injector.count_kills(),
        recovery=recovery(evidence, injector.kills),
        load_seconds=load_seconds,
        settle_seconds=settle_seconds,
        total_seconds=time.monotonic() - started,
    )


def _keep_logs(folder: Path) -> None:
    """Keep the logs of the last run; its data was for this run only."""
    shutil.rmtree(_LOGS, ignore_errors=True)
    if (folder / "logs").exists():
        shutil.move(folder / "logs", _LOGS)
    _LOGS.mkdir(exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
