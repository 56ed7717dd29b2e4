"""One run: start everything, hurt it while customers pay, heal it, account for every cent."""

import argparse
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from devstack.chaos import invariants
from devstack.chaos.clocks import Clocks
from devstack.chaos.customers import customer_ids, make_customers, make_merchant
from devstack.chaos.evidence import Plan
from devstack.chaos.faults import Injector
from devstack.chaos.forgery import Forger
from devstack.chaos.gate import Gate
from devstack.chaos.gather import gather
from devstack.chaos.journal import Journal
from devstack.chaos.lines import Lines
from devstack.chaos.load import Load
from devstack.chaos.options import PATIENCE, command_of, parse
from devstack.chaos.orders import Order, orders
from devstack.chaos.processes import Processes
from devstack.chaos.quota import REQUESTS, Quota, read_arrivals
from devstack.chaos.records import Records
from devstack.chaos.recovery import recovery
from devstack.chaos.report import Report
from devstack.chaos.rewinds import Rewinds
from devstack.chaos.schedule import plan
from devstack.chaos.settle import heal, settle, wait_for_beat
from devstack.chaos.steps import Step
from devstack.chaos.weather import Weather
from devstack.chaos.wishes import Wish, wishes
from devstack.commands import guarded, say
from devstack.paths import STATE
from devstack.running import RunningStack
from devstack.services import DEMO_API_KEY, take_other_ports
from devstack.stack import Stack
from kafka_bridge.contracts import Topic

_CUSTOMERS: Final = 24
_LONGER_THAN_ANY_RUN: Final = 7 * 24 * 3600
"""Seconds: nobody is given up meanwhile, by whatever clock."""
_WAITS: Final = tuple(
    f"requires_{what}" for what in ("action", "confirmation", "payment_method", "capture")
)
_RATE_LIMITS: Final = ("STRIPE_RATE_LIMIT", "STRIPE_ENDPOINT_RATE_LIMIT")
_LOGS: Final = STATE / "chaos-logs"


def main(arguments: list[str]) -> int:
    """Run once and return 0 if every invariant holds, and all was killed that should be."""
    options = parse(arguments)
    try:
        steps = _plan(options)
    except LookupError as error:
        raise SystemExit(str(error)) from None
    if options.plan:
        for step in steps:
            say(str(step))
        return 0
    return guarded(lambda: _main(options))


def _main(options: argparse.Namespace) -> int:
    STATE.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=STATE))
    try:
        report = _run(options, folder)
    finally:
        _keep_logs(folder)
    for line in report.lines():
        say(line)
    (_LOGS / "report.json").write_text(json.dumps(report.as_json(), indent=2))
    if not report.ok:
        say(f"Logs and report: {_LOGS}. The same schedule: {report.command}")
    if options.json:
        say(json.dumps(report.as_json()))
    return 0 if report.ok else 1


def _plan(options: argparse.Namespace) -> list[Step]:
    return plan(
        seed=options.seed,
        payments=options.payments,
        topics=[str(topic) for topic in Topic],
        kafka_too=options.kafka == "apache",  # the embedded one forgets its records
        clocks_too=options.clocks,
        only=options.only,
        weather=options.weather,
        rate=options.rate,
    )


def _run(options: argparse.Namespace, folder: Path) -> Report:
    started = time.monotonic()
    say(f"Starting, seed {options.seed}:")
    take_other_ports(folder)  # while one of the usual is free, another stack would take it
    environment = {
        **os.environ,
        **dict.fromkeys(_RATE_LIMITS, str(Quota.of(options.rate).requests)),
        "PAYMENT_DEADLINES": json.dumps(dict.fromkeys(_WAITS, _LONGER_THAN_ANY_RUN)),
    }
    requests = folder / REQUESTS
    lines, clocks = Lines(), Clocks(folder)
    with Stack(
        folder,
        kafka=options.kafka,
        say=say,
        environment=environment,
        stripe_journal=requests,
        through=lines.open,
        environment_of=clocks.environment if options.clocks else lambda _: {},
    ) as stack:
        stack.start_servers()
        stack.start_services()
        return _hurt_and_check(options, stack, lines, clocks, started)


def _hurt_and_check(
    options: argparse.Namespace, stack: Stack, lines: Lines, clocks: Clocks, started: float
) -> Report:
    running = stack.running
    if not running.uses_emulator or not running.stripe_url:
        raise SystemExit("Chaos needs Stripe's emulator: unset STRIPE_API_KEY and STRIPE_API_BASE.")
    journal, gate = Journal(), Gate(rate=options.rate)
    many = {"seed": options.seed, "payments": options.payments, "customers": _CUSTOMERS}
    wanted, too = orders(**many), wishes(**many)
    load = _load(options, running, journal=journal, gate=gate)
    rewinds = Rewinds(running)
    injector = _injector(
        options,
        running,
        journal=journal,
        gate=gate,
        lines=lines,
        clocks=clocks,
        before_rewind=rewinds.look,
    )
    try:
        load_seconds, healed_at, broken = _hurt(wanted, too, load=load, injector=injector)
    finally:
        load.stop()  # or Ctrl-C would wait for its clients
    settle_seconds, unsettled = _settle(options, running, injector.weather, healed_at=healed_at)
    evidence = gather(
        running,
        plan=Plan(
            orders=wanted,
            wishes=too,
            happened=injector.happened,
            answers_within=options.settle,
        ),
        journal=journal,
        forgeries=injector.forger.forgeries,
        records=injector.records,
        secrets=[DEMO_API_KEY, injector.forger.secret],
        arrivals=read_arrivals(Path(running.folder) / REQUESTS),
        quota=Quota.of(options.rate),
        disturbed=injector.disturbed(),
        healed_at=healed_at,
        unsettled=broken or unsettled,
    )
    return Report(
        command=command_of(options),
        seed=options.seed,
        broker=options.kafka,
        payments=options.payments,
        restricted=bool(options.only),
        findings=invariants.check(evidence, earlier=rewinds.findings),
        happened=injector.happened,
        kills=injector.count_kills(),
        recovery=recovery(evidence, injector.kills),
        load_seconds=load_seconds,
        settle_seconds=settle_seconds,
        total_seconds=time.monotonic() - started,
    )


def _load(
    options: argparse.Namespace, running: RunningStack, *, journal: Journal, gate: Gate
) -> Load:
    return Load(
        running,
        seed=options.seed,
        tokens=make_customers(running, _CUSTOMERS),
        merchant_token=make_merchant(running),
        gate=gate,
        journal=journal,
        patience=PATIENCE * options.settle,
    )


def _injector(
    options: argparse.Namespace,
    running: RunningStack,
    *,
    journal: Journal,
    gate: Gate,
    lines: Lines,
    clocks: Clocks,
    before_rewind: Callable[[Records, str, list[str]], None],
) -> Injector:
    return Injector(
        stack=running,
        steps=_plan(options),
        gate=gate,
        processes=Processes(running, members_leave=options.kafka == "apache"),
        weather=Weather(running.stripe_url or "", seed=options.seed),
        records=Records(
            running.bootstrap_servers, seed=options.seed, customers=customer_ids(running)
        ),
        forger=Forger(running, journal),
        lines=lines,
        clocks=clocks,
        before_rewind=before_rewind,
        say=say,
    )


def _hurt(
    wanted: list[Order], too: list[Wish], *, load: Load, injector: Injector
) -> tuple[float, float, str]:
    """Run clients and faults; return the seconds that took, when it healed, and what did not."""
    began = time.monotonic()
    clients = threading.Thread(target=load.run, args=(wanted, too), name="load", daemon=True)
    clients.start()
    say(f"{len(wanted)} payments, and what goes wrong meanwhile:")
    injector.run()
    broken = heal(injector.processes, injector.weather, injector.clocks)
    healed_at = time.time()
    say("The faults have ended.")
    load.hurry(len(wanted))
    clients.join()
    return time.monotonic() - began, healed_at, broken


def _settle(
    options: argparse.Namespace, running: RunningStack, weather: Weather, *, healed_at: float
) -> tuple[float, str]:
    """Wait until all is at rest; return how long after the faults it was, and what is not."""
    unsettled = settle(running, weather, seconds=options.settle)
    seconds = time.time() - healed_at
    if not unsettled and not (unsettled := wait_for_beat(running, since=healed_at)):
        running.manage("payment", "record_balance")  # what moved since then, for which beat is due
        unsettled = settle(running, weather, seconds=options.settle)
    return seconds, unsettled


def _keep_logs(folder: Path) -> None:
    """Keep the logs of the last run; its data was for this run only."""
    shutil.rmtree(_LOGS, ignore_errors=True)
    if (folder / "logs").exists():
        shutil.move(folder / "logs", _LOGS)
    _LOGS.mkdir(exist_ok=True)
    if (requests := folder / REQUESTS).exists():
        shutil.move(requests, _LOGS)
    shutil.rmtree(folder, ignore_errors=True)
