"""What goes wrong in a run, and when: all of it from the seed.

A step's time is a number of payments begun, not a moment of the clock, so that a slower machine
runs the same schedule.
"""

import random
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from devstack.chaos.records import POISONS
from devstack.chaos.weather import WEATHERS
from devstack.services import SERVICES

GAP: Final = (4, 9)
"""Payments between two disruptions: 0.8 to 1.8 seconds at five a second."""
_CALM_END: Final = 0.95
"""After this share of the payments nothing new goes wrong."""
_FROZEN: Final = (1.0, 9.0)
"""Seconds; past a consumer's session timeout of 6."""
FROZEN_PAST_THE_LEASE: Final = 24.0
_FORGERIES: Final = ("unsigned", "wrong_secret", "stale", "changed")


class Action(StrEnum):
    """What a step does."""

    KILL = "kill"
    KILL_AFTER = "kill after"
    FREEZE = "freeze"
    JOIN = "join"
    WEATHER = "weather"
    POISON = "poison"
    REPLAY = "replay"
    FORGE = "forge"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that goes wrong once `at` payments have begun."""

    at: int
    action: Action
    target: str
    how: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        seconds = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6} {self.action} {self.target} {self.how}".rstrip() + seconds

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Card:
    """A disruption as it lies in the deck, before it has its time."""

    action: Action
    target: str
    how: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.target} {self.how}".rstrip()


def _kills(*, kafka_too: bool) -> list[Card]:
    programs = [
        *(f"{service}-{program}" for service in SERVICES for program in ("web", "consumer")),
        *(f"{service}-relay" for service in SERVICES),
        *("payment-worker", "payment-worker", "payment-beat"),
        *("stripe-emulator", "postgres", "valkey"),
        *(("kafka",) if kafka_too else ()),
    ]
    children = [f"{service}-web" for service in ("customer", "admin")]
    return [
        *(Card(action=Action.KILL, target=program) for program in programs),
        *(Card(action=Action.KILL, target=program, how="child") for program in children),
    ]


def _kills_at_boundaries() -> list[Card]:
    at = [
        ("payment-worker", "answer"),
        ("payment-worker", "answer"),
        *((f"{service}-relay", "acknowledgement") for service in ("customer", "payment")),
        *((f"{service}-relay", "produce") for service in ("customer", "payment")),
        *((f"{service}-consumer", step) for service in SERVICES for step in ("poll", "commit")),
        *((program, "commit") for program in ("customer-web", "payment-worker")),
        ("payment-relay", "commit"),
        ("postgres", "commit"),
    ]
    return [Card(action=Action.KILL_AFTER, target=target, how=how) for target, how in at]


def _freezes() -> list[Card]:
    programs = [
        *(f"{service}-consumer" for service in SERVICES),
        *("customer-relay", "payment-relay", "payment-worker", "customer-web"),
        *("kafka", "valkey", "stripe-emulator"),
    ]
    return [Card(action=Action.FREEZE, target=program) for program in programs]


def _joins() -> list[Card]:
    programs = ("payment-consumer", "customer-consumer", "payment-worker", "payment-relay")
    ends = ("killed", "stopped")
    return [
        Card(action=Action.JOIN, target=program, how=ends[number % 2])
        for number, program in enumerate(programs)
    ]


def disruptions(*, kafka_too: bool) -> list[Card]:
    """Return the deck: each disruption that a run is made of, some twice."""
    return [*_kills(kafka_too=kafka_too), *_kills_at_boundaries(), *_freezes(), *_joins()]


def plan(
    *, seed: int, payments: int, topics: list[str], kafka_too: bool, only: str = ""
) -> list[Step]:
    """Plan a run. The deck is shuffled and dealt, again and again until the payments are over.

    `topics` get bad and old records; `kafka_too` kills the broker, if it keeps its records; `only`
    is a regular expression that takes cards out of the deck.
    """
    dice = random.Random(f"{seed}:schedule")  # noqa: S311 - repeatable
    last = int(payments * _CALM_END)
    deck = [card for card in disruptions(kafka_too=kafka_too) if re.search(only, str(card))]
    steps = _disruptions(dice, deck, last)
    steps += _weather(dice, last)
    steps += _quiet(dice, topics, last)
    return sorted(steps, key=lambda step: step.at)


def _disruptions(dice: random.Random, deck: list[Card], last: int) -> list[Step]:
    steps: list[Step] = []
    hand: list[Card] = []
    at = dice.randint(*GAP)
    while at < last:
        if not hand:
            hand = dice.sample(deck, len(deck))
        card = hand.pop()
        seconds = dice.uniform(*_FROZEN) if card.action is Action.FREEZE else 0.0
        if card.action is Action.FREEZE and card.target == "payment-worker":
            seconds = FROZEN_PAST_THE_LEASE
        if card.action is Action.JOIN:
            seconds = dice.uniform(5, 20)
        steps.append(
            Step(at=at, action=card.action, target=card.target, how=card.how, seconds=seconds)
        )
        at += dice.randint(*GAP)
    return steps


def _weather(dice: random.Random, last: int) -> list[Step]:
    steps = []
    hand: list[str] = []
    at = 0
    while at < last:
        hand = hand or dice.sample(list(WEATHERS), len(WEATHERS))
        steps.append(Step(at=at, action=Action.WEATHER, target=hand.pop()))
        at += dice.randint(15, 40)
    return steps


def _quiet(dice: random.Random, topics: list[str], last: int) -> list[Step]:
    """Plan what kills nobody: bad records on every topic, old records again, forged webhooks."""
    rounds = max(1, last // 300)
    steps = [
        Step(at=dice.randrange(last), action=Action.POISON, target=topic, how=dice.choice(POISONS))
        for topic in topics * (2 * rounds)
    ]
    steps += [
        Step(at=dice.randrange(last // 3, last), action=Action.REPLAY, target=topic)
        for topic in topics * rounds
    ]
    steps += [
        Step(at=dice.randrange(last), action=Action.FORGE, target="webhook", how=how)
        for how in _FORGERIES * (2 * rounds)
    ]
    return steps
