"""A backlog is drained by a worker that starts late: all of it, in order, in flat memory."""

import resource
import sys

import pytest

from kafka_bridge import inbox
from kafka_bridge.models import InboxEvent, Lane
from tests.kafka_bridge.noted import noted, record_of
from tests.kafka_bridge.workers import running_worker

KEYS = 500
GROWS_AT_MOST = 20


@pytest.fixture
def worker(answering_ledger):
    with running_worker() as worker:
        yield worker


def megabytes_at_the_most():
    """The peak of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_000_000 if sys.platform == "darwin" else 1000)


@pytest.mark.parametrize(
    "count", [5_000, pytest.param(100_000, marks=[pytest.mark.large, pytest.mark.timeout(900)])]
)
def test_pending_events_are_drained_in_flat_memory(answering_ledger, worker, count):
    for number in range(0, count, KEYS):
        inbox.receive([record_of(noted(f"c{key}", number // KEYS)) for key in range(KEYS)])
    record, recorded, after_a_tenth = answering_ledger.record, 0, None

    def record_and_look(events):
        nonlocal recorded, after_a_tenth
        record(events)
        recorded += len(events)
        if after_a_tenth is None and recorded >= count // 10:
            after_a_tenth = megabytes_at_the_most()

    answering_ledger.record = record_and_look

    worker.drain()

    grown = megabytes_at_the_most() - after_a_tenth
    assert grown < GROWS_AT_MOST
    assert InboxEvent.objects.exclude(handled_at=None).count() == count
    assert not Lane.objects.exists()
    in_order = list(range(count // KEYS))
    assert answering_ledger.by_key() == {f"c{key}": in_order for key in range(KEYS)}
