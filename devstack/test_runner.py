"""The test command: embedded servers on fresh data, then pytest stage by stage.

pytest-django takes one settings module a process, so each service's tests are a run of their own.
The shared suite of kafka_bridge runs under the settings of a service that has Celery and of one
that has not. What shares a database runs in turn, the rest side by side. The end-to-end tests have
a stack of their own, as they kill its servers.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from devstack.commands import guarded, say
from devstack.launch import clean_environment, read_env
from devstack.paths import PYTHON, ROOT, STATE
from devstack.services import take_other_ports
from devstack.stack import KAFKA_CHOICES, Stack
from devstack.testing import STACK_FOLDER

_NOTHING_COLLECTED = 5
_WHOLE_STACK = "whole-stack"
"""The end-to-end tests' folder within the run's."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One run of pytest: what it runs, and under which service's settings and variables."""

    name: str
    paths: tuple[str, ...]
    service: str | None = None
    whole_stack: bool = False

    def selected(self, chosen: list[str]) -> list[str]:
        """Return the chosen paths that belong to this stage; its own if nothing is chosen."""
        if not chosen:
            return list(self.paths)
        return [path for path in chosen if self._contains(path)]

    def _contains(self, path: str) -> bool:
        file = _resolved(path)
        return any(file.is_relative_to(ROOT / own) for own in self.paths)


def _bridge(service: str) -> Stage:
    return Stage(name=f"kafka_bridge ({service})", paths=("tests/kafka_bridge",), service=service)


def _of(service: str) -> Stage:
    return Stage(name=service, paths=(f"tests/{service}",), service=service)


SIDE_BY_SIDE = (
    (Stage(name="end to end", paths=("tests/e2e",), whole_stack=True),),
    (_of("payment"), _bridge("payment")),
    (_of("admin"), _bridge("admin")),
    (_of("customer"),),
    (Stage(name="unit", paths=("tests/contracts", "tests/stripe_emulator", "tests/devstack")),),
)
"""Sequences of stages, the longest first."""


@dataclass(kw_only=True)
class Counts:
    """Tests by outcome, and stages that went wrong as a whole."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken_stages: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    def add(self, other: "Counts") -> None:
        """Add another stage's counts."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.broken_stages += other.broken_stages


def main(arguments: list[str]) -> int:
    """Run the stages and return 0 if all their tests passed."""
    return guarded(lambda: _main(arguments))


def _main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="test.py", description="Run all tests.", add_help=False)
    parser.add_argument("--kafka", choices=KAFKA_CHOICES, default="embedded")
    options, for_pytest = parser.parse_known_args(arguments)
    chosen = [argument for argument in for_pytest if _is_path(argument)]
    others = [argument for argument in for_pytest if argument not in chosen]
    run = Run(chosen=chosen, others=others, kafka=options.kafka)
    sequences = [selected for stages in SIDE_BY_SIDE if (selected := run.selected(stages))]
    if not sequences:
        say(f"No stage has {' '.join(chosen)}; stages are under tests/.")
        return 1
    at_once = (os.cpu_count() or 1) + 1  # each waits for its servers for half of the time
    if others:  # whoever gives options wants to see, and the quick ones first
        at_once = 1
        sequences.reverse()
    STATE.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=STATE))
    total = Counts()
    try:
        with (
            Stack(folder, kafka=options.kafka, say=say) as stack,
            ThreadPoolExecutor(at_once) as threads,
        ):
            if not all(stage.whole_stack for stages in sequences for stage in stages):
                stack.start_servers()
            for counts in threads.map(lambda stages: run.all(stages, stack), sequences):
                total.add(counts)
    finally:
        _keep_logs(folder)
    say("")
    say(str(total))
    return 1 if total.failed or total.broken_stages or not total.passed else 0


def _is_path(argument: str) -> bool:
    return not argument.startswith("-") and _resolved(argument).exists()


def _resolved(argument: str) -> Path:
    """Return the file or folder of a pytest argument, given from here or from the repository."""
    path = Path(argument.partition("::")[0])
    return path.resolve() if path.exists() else ROOT / path


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was asked for: paths of tests, pytest's options, and which Kafka."""

    chosen: list[str]
    others: list[str]
    kafka: str

    def selected(self, stages: Iterable[Stage]) -> list[Stage]:
        """Return the stages that have something to run."""
        return [stage for stage in stages if stage.selected(self.chosen)]

    def all(self, stages: Iterable[Stage], stack: Stack) -> Counts:
        """Run stages one after the other."""
        total = Counts()
        for stage in stages:
            total.add(self._one(stage, stack))
        return total

    def _one(self, stage: Stage, stack: Stack) -> Counts:
        if not stage.whole_stack:
            return self._tested(stage, stack)
        folder = stack.folder / _WHOLE_STACK
        folder.mkdir()
        take_other_ports(folder)
        with Stack(folder, kafka=self.kafka, say=say) as whole:
            whole.start_servers()
            whole.start_services()
            return self._tested(stage, whole)

    def _tested(self, stage: Stage, stack: Stack) -> Counts:
        """Run a stage, say how it went in one line, and show its output if it went wrong."""
        started = time.monotonic()
        report = stack.folder / f"{stage.name}.xml"
        done = subprocess.run(
            [
                *_pytest(stage),
                f"--junitxml={report}",
                *self.others,
                *_from_root(stage.selected(self.chosen)),
            ],
            env=_environment(stage, stack),
            cwd=ROOT,
            stdout=None if self.others else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        counts = _counts(report)
        nothing = done.returncode == _NOTHING_COLLECTED
        if done.returncode != 0 and not counts.failed and not (nothing and self.others):
            counts.broken_stages = 1
            say(f"{stage.name}: {'no tests' if nothing else f'exit code {done.returncode}'}")
        if done.returncode != 0 and done.stdout:
            say(done.stdout)
        say(f"{stage.name}: {counts} in {time.monotonic() - started:.1f} s")
        return counts


def _pytest(stage: Stage) -> list[str]:
    django = ["--ds", f"{stage.service}_project.settings"] if stage.service else ["-p", "no:django"]
    return [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", *django]


def _from_root(paths: list[str]) -> list[str]:
    """Give pytest, which runs in the repository, paths that are right there."""
    return [str(_resolved(path)) + "".join(path.partition("::")[1:]) for path in paths]


def _environment(stage: Stage, stack: Stack) -> dict[str, str]:
    service = read_env(str(stack.running.env_file(stage.service))) if stage.service else {}
    browser = {name: os.environ[name] for name in ("CHROMIUM",) if name in os.environ}
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": stack.kafka.bootstrap_servers}
    return clean_environment() | browser | kafka | service | {STACK_FOLDER: str(stack.folder)}


def _counts(report: Path) -> Counts:
    """Read pytest's own report; it is missing when pytest could not even start."""
    counts = Counts()
    if not report.exists():
        return counts
    for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest wrote it
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts.failed += failed
        counts.skipped += skipped
        counts.passed += int(suite.get("tests", 0)) - failed - skipped
    return counts


def _keep_logs(folder: Path) -> None:
    """Keep the logs of the last run; its data was for this run only."""
    kept = STATE / "test-logs"
    shutil.rmtree(kept, ignore_errors=True)
    for stack in (folder, folder / _WHOLE_STACK):
        if (stack / "logs").exists():
            shutil.move(stack / "logs", kept / stack.relative_to(folder))
    shutil.rmtree(folder, ignore_errors=True)
