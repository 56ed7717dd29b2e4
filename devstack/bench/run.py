"""The benchmark: this system, the tutorial's pipeline and the raw limit, in one run."""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from devstack.bench.growth import growth
from devstack.bench.measures import Bench, quota
from devstack.bench.over_http import OverHttp
from devstack.bench.size import FULL, QUICK, Size
from devstack.bench.system import System
from devstack.bench.targets import Target, as_json, as_table
from devstack.commands import guarded, say
from devstack.stack import KAFKA_CHOICES

_STARTED: Final = time.monotonic()
_ALL: Final = frozenset(f"T{number}" for number in range(1, 10))
_WARMING: Final = 1_000


def main(arguments: list[str]) -> int:
    """Measure and print; return 0 if every target is met."""
    parser = argparse.ArgumentParser(prog="bench.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a run under 5 minutes")
    parser.add_argument("--json", action="store_true", help="print JSON (progress: stderr)")
    parser.add_argument("--kafka", choices=KAFKA_CHOICES, default="embedded")
    parser.add_argument("--only", nargs="*", metavar="T1", help="these targets alone")
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else FULL
    return guarded(lambda: _main(options, size))


def _say_aside(line: str) -> None:
    print(f"{time.monotonic() - _STARTED:4.0f} s  {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _all_aside() -> Iterator[None]:
    """Send to standard error what this process and its children print: workers, loggers."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _main(options: argparse.Namespace, size: Size) -> int:
    if options.json:
        with _all_aside():
            targets = _measure(options, size, _say_aside)
        say(json.dumps(as_json(targets), indent=2))
    else:
        targets = _measure(options, size, say)
        say("\n" + as_table(targets))
    return 0 if all(target.met for target in targets) else 1


def _measure(options: argparse.Namespace, size: Size, tell: Callable[[str], None]) -> list[Target]:
    wanted = set(options.only or _ALL)
    targets: list[Target] = []
    apart = wanted & ({"T5", "T7"} if size.history_apart else {"T7"})
    if together := wanted - apart:
        with _warm_system(options.kafka, tell) as system:
            if "T5" in together:
                targets.append(growth(system, size, tell))
            if wanted & {"T1", "T2", "T3", "T9"}:
                targets += Bench(system=system, size=size, tell=tell).throughput()
            over_http = OverHttp(system=system, size=size, tell=tell)
            if wanted & {"T4", "T6"}:
                targets += over_http.latency()
            if "T8" in wanted:
                targets += over_http.webhooks()
    if "T5" in apart:
        with _warm_system(options.kafka, tell) as system:
            targets.append(growth(system, size, tell))
    if "T7" in wanted:
        tell("T7: the quota, with an emulator that enforces it")
        targets.append(quota(size))
    return targets


@contextlib.contextmanager
def _warm_system(kafka: str, tell: Callable[[str], None]) -> Iterator[System]:
    """Start a system and have each of its processes do everything once."""
    with (
        tempfile.TemporaryDirectory(prefix="paybridge-bench-") as folder,
        System.started(Path(folder), kafka=kafka, say=tell) as system,
    ):
        tell("Warming up")
        system.drain(_WARMING)
        yield system
