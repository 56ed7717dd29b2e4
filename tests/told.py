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
TELLINGS = 8
"""Of each life: one in order, and others of which each tells of other steps."""
_FOLDER = Path(__file__).parent / "recorded"
_MARK = re.compile(rb"~\d+")
"""What a copy's ids have, see `tests.payment.copies`."""
_FIGURES = (
    *("status", "revision", "amount", "amount_captured", "amount_refunded", "dispute_status"),
    *("amount_due", "amount_paid", "attempt", "customer_can", "decline_code"),
)
_COMES_AGAIN = (False,) * 4 + (True,)
_OURS = ("event_id", "payment_id", "subscription_id")


def record(life, told, ends):
    """Write several tellings of one life: the events of each, and the rows at its end."""
    lines = []
    for number, (events, rows) in enumerate(zip(told, ends, strict=True)):
        lines += [
            {"telling": number, "topic": event.topic, "value": orjson.loads(event.to_json())}
            for event in events
        ]
        lines += [{"telling": number, "table": table, "row": row} for table, row in rows]
    text = _MARK.sub(b"", b"\n".join(map(orjson.dumps, lines)) + b"\n")
    (_FOLDER / f"{life}.jsonl").write_bytes(text)


def is_recorded(life):
    """Tell whether there is a record of a life."""
    return (_FOLDER / f"{life}.jsonl").exists()


def telling(life, number):
    """Read a telling of a life as it left the outbox. In the first, all came in order."""
    return [
        decode(orjson.dumps(line["value"]), topic=line["topic"], partition=0, offset=0)
        for line in _lines(life, number)
        if "topic" in line
    ]


def end(life, number):
    """Read the rows that the payment service has at the end of a telling, each with its table."""
    return [(line["table"], line["row"]) for line in _lines(life, number) if "table" in line]


def _lines(life, number):
    lines = map(orjson.loads, (_FOLDER / f"{life}.jsonl").read_bytes().splitlines())
    return [line for line in lines if line["telling"] == number]


def check_agrees(row, recorded, *, but=(), **names):
    """Check that a row has what the payment service has under the same names, or under others."""
    here = orjson.loads(orjson.dumps(row))
    names |= {name: name for name in here.keys() & recorded.keys() - set(but)}
    for name, there in names.items():
        assert (here[name] or None) == (recorded[there] or None), name


def in_short(events):
    """Return what a telling says, without ids and times."""
    return [
        [event.topic, *[getattr(event, name, None) for name in _FIGURES]]
        for event in events
        if event.topic in EVENT_CLASSES
    ]


def in_figures(rows):
    """Return what rows say, without ids and times."""
    return sorted([table, *[row.get(name) for name in _FIGURES]] for table, row in rows)


def of_copy(event, number):
    """Return an event as it is told of a copy of its payment or subscription."""
    ids = {name: getattr(event, name, None) for name in _OURS}
    copied = {name: UUID(int=value.int ^ number << 16) for name, value in ids.items() if value}
    if invoice_id := getattr(event, "invoice_id", None):
        copied["invoice_id"] = f"{invoice_id}~{number}"
    return event.model_copy(update=copied)


def side_by_side(events, chance):
    """Let the topics overtake each other, and some events come again: what Kafka may do.

    Each topic keeps the order of its key.
    """
    topics = defaultdict(list)
    for place, event in enumerate(events):
        topics[event.topic].append((place, event))
    come = []
    while waiting := sorted(filter(None, topics.values())):
        come.append(chance.choice(waiting).pop(0)[1])
        if chance.choice(_COMES_AGAIN):
            come.append(chance.choice(come))
    return come
