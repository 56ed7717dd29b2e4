"""What goes wrong in a run, and when: all of it from the seed.

A step's time is a number of payments begun, not a moment of the clock, so that a slower machine
runs the same schedule.
"""

import random
import re
from itertools import accumulate
from typing import Final

from devstack.chaos.deck import Card, disruptions, one_kill_each
from devstack.chaos.poisons import poisons_of
from devstack.chaos.steps import Action, Step
from devstack.chaos.weather import OF_LARGE_RUNS, WEATHERS

_EVERY: Final = (0.8, 1.8)
"""Seconds between two disruptions; counted in payments at the run's rate."""
_WEATHER_EVERY: Final = (3.0, 8.0)
_ROUND: Final = 60.0
"""Seconds in which each topic gets its bad and old records."""
_RATE: Final = 5.0
"""Payments a second."""
_RATE_OF_LONG_RUNS: Final = 12.0
_CALM_END: Final = 0.95
"""After this share of the payments nothing new goes wrong."""
_FROZEN: Final = (1.0, 9.0)
"""Seconds; past a consumer's session timeout of 6."""
_FROZEN_LONG: Final = (20.0, 60.0)
_LONG_FROM: Final = 1000
"""Payments from which on some are frozen as long as that."""
FROZEN_PAST_THE_LEASE: Final = 24.0
_LOCKED: Final = (1.0, 6.0)
_MOVED: Final = (5.0, 15.0)
_FORGERIES: Final = ("unsigned", "wrong_secret", "stale", "changed")


def usual_rate(payments: int) -> float:
    """Return how many payments a second begin in a run of so many, if nobody says otherwise."""
    return _RATE if payments < _LONG_FROM else _RATE_OF_LONG_RUNS


def plan(
    *,
    seed: int,
    payments: int,
    topics: list[str],
    kafka_too: bool,
    clocks_too: bool = False,
    only: str = "",
    weather: str = "",
    rate: float = _RATE,
) -> list[Step]:
    """Plan a run. The deck is shuffled and dealt, again and again until the payments are over.

    A run that is too short for the deck still kills each kind of process, and one after each step:
    more goes wrong in a very short one, so that these kills are half of it. With `only` chance
    decides what it gets to.

    `topics` get bad and old records; `kafka_too` kills the broker, if it keeps its records, and has
    consumers leave their groups; `clocks_too` moves the services' clocks; `only` and `weather` are
    regular expressions: what they do not find of the deck and of the weathers is left out.

    Raises:
        LookupError: one of them finds nothing.
    """
    dice = random.Random(f"{seed}:schedule")  # noqa: S311 - repeatable
    last = int(payments * _CALM_END)
    deck = [
        card
        for card in disruptions(kafka_too=kafka_too, clocks_too=clocks_too)
        if re.search(only, str(card))
    ]
    if not deck:
        raise LookupError(f"No disruption is found by '{only}'; --plan shows what there is.")
    first = [] if only else one_kill_each(dice, kafka_too=kafka_too)
    steps = _disruptions(dice, deck, last, first=first, gap=_payments(_EVERY, rate))
    steps += _weather(dice, last, only=weather, gap=_payments(_WEATHER_EVERY, rate))
    steps += _quiet(dice, topics, last, rounds=max(1, round(last / (_ROUND * rate))))
    return sorted(steps, key=lambda step: step.at)


def _payments(seconds: tuple[float, float], rate: float) -> tuple[int, int]:
    least, most = seconds
    return max(1, round(least * rate)), max(1, round(most * rate))


def _disruptions(
    dice: random.Random, deck: list[Card], last: int, *, first: list[Card], gap: tuple[int, int]
) -> list[Step]:
    steps: list[Step] = []
    times = _times(dice, last, gap=gap, least=2 * len(first))
    hand = _first_hand(dice, deck, first=first, size=len(times))
    for at in times:
        hand = hand or dice.sample(deck, len(deck))
        card = hand.pop()
        seconds = dice.uniform(*_FROZEN) if card.action is Action.FREEZE else 0.0
        if card.action is Action.FREEZE and card.target == "payment-worker":
            seconds = FROZEN_PAST_THE_LEASE
        elif card.action is Action.FREEZE and last > _LONG_FROM and dice.random() < 0.1:  # noqa: PLR2004
            seconds = dice.uniform(*_FROZEN_LONG)
        if card.action is Action.MOVE_CLOCK:
            seconds = dice.uniform(*_MOVED)
        if card.action is Action.LOCK:
            seconds = dice.uniform(*_LOCKED)
        if card.action is Action.JOIN:
            seconds = dice.uniform(5, 20)
        steps.append(
            Step(at=at, action=card.action, target=card.target, how=card.how, seconds=seconds)
        )
    return steps


def _times(dice: random.Random, last: int, *, gap: tuple[int, int], least: int) -> list[int]:
    """Roll the times of what goes wrong; closer together where there would be too few."""
    times = []
    at = dice.randint(*gap)
    while at < last:
        times.append(at)
        at += dice.randint(*gap)
    if len(times) >= min(least, last):
        return times
    rolled = list(accumulate(dice.randint(*gap) for _ in range(min(least, last) + 1)))
    return [at * last // rolled[-1] for at in rolled[:-1]]


def _first_hand(
    dice: random.Random, deck: list[Card], *, first: list[Card], size: int
) -> list[Card]:
    """Shuffle the deck, and lay aside what a short run does not get to: none of the first cards."""
    others = dice.sample(deck, len(deck))
    for card in first:
        others.remove(card)
    hand = first + others[: max(0, size - len(first))]
    return dice.sample(hand, len(hand))


def _weather(dice: random.Random, last: int, *, only: str, gap: tuple[int, int]) -> list[Step]:
    steps = []
    hand: list[str] = []
    possible = [name for name in WEATHERS if last > _LONG_FROM or name not in OF_LARGE_RUNS]
    names = [name for name in possible if re.search(only, name)]
    if not names:
        raise LookupError(f"No weather is found by '{only}': {', '.join(possible)}.")
    at = 0
    while at < last:
        hand = hand or dice.sample(names, len(names))
        steps.append(Step(at=at, action=Action.WEATHER, target=hand.pop()))
        at += dice.randint(*gap)
    return steps


def _quiet(dice: random.Random, topics: list[str], last: int, *, rounds: int) -> list[Step]:
    """Plan what kills nobody: bad records on every topic, old records again, forged webhooks."""
    steps = [
        Step(
            at=dice.randrange(last),
            action=Action.POISON,
            target=topic,
            how=dice.choice(poisons_of(topic)),
        )
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
