"""One customer whose every event fails, among a thousand: nobody else waits for it."""

import pytest

from kafka_bridge import inbox, lanes
from kafka_bridge.models import InboxEvent, Lane
from kafka_bridge.settlement import read, settle
from tests.kafka_bridge.noted import noted, record_of, work_until_idle

KEYS = 1_000
EVENTS_A_KEY = 3
POISONED = "c500"


@pytest.fixture
def records():
    return [
        record_of(noted(f"c{key}", number)) for number in range(EVENTS_A_KEY) for key in range(KEYS)
    ]


def poison(ledger):
    ledger.refuse = lambda event: ValueError("no") if event.customer_id == POISONED else None


def everybody_else():
    return {f"c{key}": list(range(EVENTS_A_KEY)) for key in range(KEYS) if f"c{key}" != POISONED}


def test_inline(ledger, records):
    poison(ledger)

    for start in range(0, len(records), 500):
        inbox.receive(records[start : start + 500])
        work_until_idle()

    assert ledger.by_key() == everybody_else()
    assert list(Lane.objects.values_list("key", flat=True)) == [POISONED]
    assert InboxEvent.objects.get(key=POISONED, attempts__gt=0).offset == first_offset(records)


def test_with_calls(answering_ledger, records):
    poison(answering_ledger)
    inbox.receive(records)

    settlements = 0
    while claims := lanes.claim(200):
        settle([read(claim) for claim in claims])
        settlements += 1

    assert answering_ledger.by_key() == everybody_else()
    assert settlements <= KEYS * EVENTS_A_KEY / 200 + 1
    assert InboxEvent.objects.filter(key=POISONED, handled_at=None).count() == EVENTS_A_KEY


def first_offset(records):
    return next(record.offset for record in records if record.key == POISONED.encode())
