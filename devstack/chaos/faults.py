"""The injector: does what the schedule says, and notes what came of it."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import psutil
import psycopg2
import valkey
from confluent_kafka import KafkaException

from devstack.chaos.boundaries import Boundaries
from devstack.chaos.clocks import Clocks
from devstack.chaos.forgery import Forger
from devstack.chaos.gate import Gate
from devstack.chaos.lines import Lines
from devstack.chaos.processes import Processes
from devstack.chaos.records import RecordNotTakenError, Records
from devstack.chaos.steps import KILLS, Action, Step
from devstack.chaos.weather import Weather
from devstack.groups import wait_until_stable
from devstack.launch import read_env
from devstack.management import ManagementCommandError
from devstack.running import RunningStack
from devstack.waiting import DeadlinePassedError, wait_until

_MISSES: Final = (
    DeadlinePassedError,
    KafkaException,
    OSError,
    ManagementCommandError,
    psutil.Error,
    psycopg2.Error,
    RecordNotTakenError,
    valkey.ValkeyError,
)
"""What keeps a step from its target while other things are broken. It is noted, not repeated."""
_VALKEY_TIMEOUT: Final = 2
_THAWS_WITHIN: Final = 15
_RESENT: Final = 20
_UPSETS_THE_QUOTA: Final = {
    (Action.FREEZE, "stripe-emulator"),
    (Action.KILL, "stripe-emulator"),
    (Action.FREEZE, "payment-worker"),
    # Without Valkey each process has limits of its own.
    (Action.FREEZE, "valkey"),
    (Action.KILL, "valkey"),
}
_CATCHES_UP: Final = 10.0
"""Seconds within which what piled up has come."""


@dataclass(frozen=True, kw_only=True)
class Happened:
    """A step that was taken, at a moment of the clock; `missed` is why it had no effect."""

    step: Step
    at: float
    missed: str = ""

    @property
    def is_kill(self) -> bool:
        """Tell whether something was to be killed."""
        return self.step.action in KILLS


@dataclass(kw_only=True)
class Injector:
    """Takes the steps one after the other, each when its number of payments have begun."""

    stack: RunningStack
    steps: Iterable[Step]
    gate: Gate
    processes: Processes
    weather: Weather
    records: Records
    forger: Forger
    lines: Lines
    clocks: Clocks
    before_rewind: Callable[[Records, str, list[str]], None]
    """Is given the service and its topics, while its consumers are down."""
    say: Callable[[str], None]
    happened: list[Happened] = field(default_factory=list)

    def run(self) -> None:
        """Take every step. Ends with the gate open."""
        try:
            for step in self.steps:
                self.gate.wait_for(step.at)
                self._take(step)
        finally:
            self.gate.open()

    def _take(self, step: Step) -> None:
        missed = ""
        try:
            at = self._actions()[step.action](step) or time.time()
        except _MISSES as error:
            at = time.time()
            missed = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        self.happened.append(Happened(step=step, at=at, missed=missed))
        self.say(f"  {step}" + (f"  (missed: {missed})" if missed else ""))

    def _actions(self) -> dict[Action, Callable[[Step], float | None]]:
        return {
            Action.KILL: self._kill,
            Action.KILL_AFTER: self._kill_after,
            Action.STOP: lambda step: self.processes.stop(step.target),
            Action.CUT: lambda step: self._boundaries.cut(step.target, after=step.how),
            Action.RESET: self._reset,
            Action.FREEZE: lambda step: self.processes.freeze_for(
                step.target, seconds=step.seconds
            ),
            Action.MOVE_CLOCK: lambda step: self.clocks.move(
                step.target, by=step.how, seconds=step.seconds
            ),
            Action.LOCK: lambda step: self._boundaries.lock(step.target, seconds=step.seconds),
            Action.FORGET: lambda _step: self._forget(),
            Action.REWIND: self._rewind,
            Action.RESEND: self._resend,
            Action.JOIN: self._join,
            Action.WEATHER: lambda step: self.weather.change(step.target, at=step.at),
            Action.POISON: lambda step: self.records.poison(step.target, how=step.how, at=step.at),
            Action.REPLAY: lambda step: self.records.replay(step.target, at=step.at),
            Action.FORGE: lambda step: self.forger.deliver(how=step.how),
        }

    def _kill(self, step: Step) -> float:
        if step.target == "valkey":  # which may be frozen just now
            wait_until(self._forgot, what="Valkey to forget", seconds=_THAWS_WITHIN)
        if step.how == "child":
            self.processes.kill_child(step.target)
        else:
            self.processes.kill(step.target)
        at = time.time()
        if step.target == "stripe-emulator":
            self.weather.tell_when_back()
        return at

    def _reset(self, step: Step) -> None:
        """Break every TCP connection of the services to a server."""
        if not self.lines.reset(step.target):
            raise ConnectionError(f"nobody was connected to {step.target}")

    def _kill_after(self, step: Step) -> float:
        return self._boundaries.kill(step.target, after=step.how)

    @property
    def _boundaries(self) -> Boundaries:
        return Boundaries(self.stack, self.processes)

    def _join(self, step: Step) -> None:
        """Have one more process of a program for a while, or two, and the group end as one."""
        self.processes.join(step.target, seconds=step.seconds, killed=step.how != "stopped")
        if step.how == "twice":
            self.processes.join(step.target, seconds=step.seconds / 2, killed=False)

    def _rewind(self, step: Step) -> None:
        """Have a service's consumer receive all of its topics again."""
        supervisor = self.stack.supervisor
        lags = json.loads(self.stack.manage(step.target, "lag", "--json"))["partitions"]
        self.processes.send_extras_home()
        # Tansu may never finish a group of which somebody is killed while it forms.
        wait_until_stable(self.stack.bootstrap_servers, [f"{step.target}-service"])
        self.processes.take_down(f"{step.target}-consumer")
        try:
            topics = sorted({lag["topic"] for lag in lags})
            # What was passed and lost comes again now; nobody would know it in the end.
            self.before_rewind(self.records, step.target, topics)
            self.records.rewind(f"{step.target}-service", topics)
        finally:
            supervisor.start(f"{step.target}-consumer")

    def _resend(self, _step: Step) -> None:
        self.weather.resend(_RESENT)

    def _forget(self) -> None:
        url = read_env(str(self.stack.env_file("payment")))["CELERY_BROKER_URL"]
        with valkey.Valkey.from_url(url, socket_timeout=_VALKEY_TIMEOUT) as client:
            client.config_set("save", "")
            client.flushall()

    def _forgot(self) -> bool:
        with contextlib.suppress(valkey.ValkeyError):
            self._forget()
            return True
        return False

    @property
    def kills(self) -> list[Happened]:
        """What was killed, and when."""
        return [one for one in self.happened if one.is_kill and not one.missed]

    def disturbed(self) -> list[tuple[float, float]]:
        """Return from when to when more requests could come to Stripe than its quota."""
        return [
            (one.at - 1, one.at + one.step.seconds + _CATCHES_UP)
            for one in self.happened
            if (one.step.action, one.step.target) in _UPSETS_THE_QUOTA
        ]

    def count_kills(self) -> dict[str, int]:
        """Count the kills by program and by where it was."""
        names = (f"{one.step.target} {_where(one.step)}".strip() for one in self.kills)
        return dict(sorted(Counter(names).items()))


def _where(step: Step) -> str:
    return f"after its {step.how}" if step.action is Action.KILL_AFTER else step.how
