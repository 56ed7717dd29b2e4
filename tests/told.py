"""What the payment service told of whole lives: recorded by its tests, for those of the others.

Remove tests/recorded/*.jsonl and run tests/payment/test_any_order.py: it fails, and records anew.
"""

import re
from collections import defaultdict
from pathlib import Path
from uuid import UUID

import orjson

from kafka_bridge.contracts import EVENT_CLASSES, decode

LIVES = ("disputed", "recovered", "given_up")
_FOLDER = Path(__file__).parent / "recorded"
_MARK = re.compile(rb"~\d+")
"""What a copy's ids have, see `tests.payment.copies`."""
_OURS = ("event_id", "payment_id", "subscription_id")


def record(life, tellings):
    """Write the events of several tellings of one life."""
    lines = [
        orjson.dumps(
            {"telling": number, "topic": event.topic, "value": orjson.loads(event.to_json())}
        )
        for number, events in enumerate(tellings)
        for event in events
    ]
    text = _MARK.sub(b"", b"\n".join(lines) + b"\n")
    (_FOLDER / f"{life}.jsonl").write_bytes(text)


def is_recorded(life):
    """Tell whether there is a record of a life."""
    return (_FOLDER / f"{life}.jsonl").exists()


def tellings(life):
    """Read the tellings of a life: each as it left the outbox. In the first, all came in order."""
    found = defaultdict(list)
    for line in (_FOLDER / f"{life}.jsonl").read_bytes().splitlines():
        told = orjson.loads(line)
        value = orjson.dumps(told["value"])
        found[told["telling"]].append(decode(value, topic=told["topic"], partition=0, offset=0))
    return list(found.values())


def in_short(events):
    """Return what a telling says, without ids and times."""
    return [
        [event.topic, event.status, event.revision]
        for event in events
        if event.topic in EVENT_CLASSES
    ]


def of_copy(event, number):
    """Return an event as it is told of a copy of its payment or subscription."""
    ids = {name: getattr(event, name, None) for name in _OURS}
    copied = {name: UUID(int=value.int ^ number << 16) for name, value in ids.items() if value}
    if invoice_id := getattr(event, "invoice_id", None):
        copied["invoice_id"] = f"{invoice_id}~{number}"
    return event.model_copy(update=copied)


def side_by_side(events, dice):
    """Let the topics overtake each other, and some events come again: what Kafka may do.

    Each topic keeps the order of its key.
    """
    topics = defaultdict(list)
    for event in events:
        topics[event.topic].append(event)
    come = []
    while left := [topic for topic, waiting in topics.items() if waiting]:
        come.append(topics[dice.choice(left)].pop(0))
        if dice.random() < 0.2:
            come.append(dice.choice(come))
    return come
