"""What can go wrong, as a deck of cards: each disruption, some of them twice."""

import random
from dataclasses import dataclass

from devstack.chaos.steps import Action
from devstack.services import SERVICES


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
        *("customer-mailer", "payment-worker", "payment-worker", "payment-beat"),
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


def one_kill_each(dice: random.Random, *, kafka_too: bool) -> list[Card]:
    """Return a kill of each process, and one after each step, of any that takes it."""
    cards = _kills_at_boundaries()
    steps = dict.fromkeys(card.how for card in cards)
    return [
        *dict.fromkeys(_kills(kafka_too=kafka_too)),
        *(dice.choice([card for card in cards if card.how == step]) for step in steps),
    ]


def _stops(*, kafka_too: bool) -> list[Card]:
    """Programs that are told to stop and start again, as when a new version is rolled out."""
    consumers = ("payment-consumer",) if kafka_too else ()  # see `Processes`
    programs = ("customer-web", *consumers, "payment-worker", "payment-relay")
    return [Card(action=Action.STOP, target=program) for program in programs]


def _cuts() -> list[Card]:
    """Connections to PostgreSQL that break: before a commit, and behind it, with no answer."""
    at = [
        ("payment-worker", "answer"),
        ("customer-consumer", "poll"),
        *((program, "commit") for program in ("customer-web", "payment-worker", "payment-relay")),
        *((f"{service}-consumer", "commit") for service in ("customer", "payment")),
    ]
    return [Card(action=Action.CUT, target=target, how=how) for target, how in at]


def _losses() -> list[Card]:
    """What is forgotten, reset, locked or read again, while every process lives."""
    return [
        Card(action=Action.FORGET, target="valkey"),
        *(Card(action=Action.RESET, target=server) for server in ("kafka", "stripe-emulator")),
        *(Card(action=Action.LOCK, target=service) for service in SERVICES),
        *(Card(action=Action.REWIND, target=service) for service in SERVICES),
        *(Card(action=Action.RESEND, target="webhooks") for _ in range(2)),
    ]


def _freezes() -> list[Card]:
    programs = [
        *(f"{service}-consumer" for service in SERVICES),
        *("customer-relay", "payment-relay", "payment-worker", "customer-web"),
        *("customer-mailer", "kafka", "valkey", "stripe-emulator"),
    ]
    return [Card(action=Action.FREEZE, target=program) for program in programs]


def _moved_clocks() -> list[Card]:
    """Clocks that jump, by more than Stripe keeps its keys; and back.

    The customer service's is never slow: it would take old signatures for fresh ones.
    """
    at = [
        *(("payment", by) for by in ("+1h", "-1h", "+26h", "-26h")),
        *(("customer", "+1h"), ("customer", "+26h"), ("admin", "-1h"), ("admin", "+26h")),
    ]
    return [Card(action=Action.MOVE_CLOCK, target=service, how=by) for service, by in at]


def _joins() -> list[Card]:
    programs = ("payment-consumer", "customer-consumer", "payment-worker", "payment-relay")
    ends = ("killed", "stopped")
    return [
        *(
            Card(action=Action.JOIN, target=program, how=ends[number % 2])
            for number, program in enumerate(programs)
        ),
        *(
            Card(action=Action.JOIN, target=f"{service}-consumer", how="twice")
            for service in ("customer", "payment")
        ),
    ]


def disruptions(*, kafka_too: bool, clocks_too: bool = False) -> list[Card]:
    """Return the deck: each disruption that a run is made of, some twice."""
    return [
        *(
            *_kills(kafka_too=kafka_too),
            *_kills_at_boundaries(),
            *_stops(kafka_too=kafka_too),
            *_cuts(),
        ),
        *(*_freezes(), *_joins(), *_losses()),
        *(_moved_clocks() if clocks_too else ()),
    ]
