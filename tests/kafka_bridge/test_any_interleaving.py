"""Whatever comes twice, late or never: each effect takes place once, and each key in order."""

import pytest
from django.contrib.auth import get_user_model
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from kafka_bridge import dead_letters, inbox, lanes
from kafka_bridge.errors import CannotBeHandled, OutcomeUnknown, TryLater
from kafka_bridge.models import InboxEvent, Lane
from kafka_bridge.settlement import Outcome, read, settle
from kafka_bridge.testing import make_lanes_due, stranded_keys
from tests.kafka_bridge.noted import empty_all_tables, noted, record_of

PARTITIONS = 2
EVENTS = 12  # a partition

errors = st.sampled_from(
    [
        ValueError("not this time"),
        TryLater("limit", seconds=1),
        OutcomeUnknown("silence"),
        CannotBeHandled("never"),
    ]
)
outcomes = st.none() | st.none() | errors
partitions = st.integers(0, PARTITIONS - 1)


class AnyInterleaving(RuleBasedStateMachine):
    """Two partitions with two keys each, any number of consumers, workers and operators."""

    ledger = None

    @initialize()
    def begin(self):
        empty_all_tables()
        self.operator = get_user_model().objects.create(username="operator")
        self.ledger.refuse = lambda _event: None
        self.log = [
            [
                record_of(
                    noted(f"p{partition}k{number % 2}", number), partition=partition, offset=number
                )
                for number in range(EVENTS)
            ]
            for partition in range(PARTITIONS)
        ]
        self.positions = [0] * PARTITIONS
        self.claims = []
        self.ever_dead = set()

    @rule(partition=partitions, count=st.integers(1, 5))
    def consume(self, partition, count):
        start = self.positions[partition]
        inbox.receive(self.log[partition][start : start + count])
        self.positions[partition] = min(start + count, EVENTS)

    @rule(count=st.integers(1, 4), times=st.integers(2, 3))
    def consume_both_partitions_in_one_batch_with_repetitions(self, count, times):
        batch = []
        for partition, start in enumerate(self.positions):
            batch += self.log[partition][start : start + count]
            self.positions[partition] = min(start + count, EVENTS)
        inbox.receive(batch * times)

    @rule(partition=partitions, count=st.integers(1, EVENTS))
    def go_back_to_an_older_offset(self, partition, count):
        self.positions[partition] = max(0, self.positions[partition] - count)

    @rule(number=st.integers(0, EVENTS - 1), error=errors)
    def refuse_a_number(self, number, error):
        self.ledger.refuse = lambda event: error if event.number == number else None

    @rule()
    def refuse_nothing(self):
        self.ledger.refuse = lambda _event: None

    @rule(limit=st.integers(1, 4))
    def claim(self, limit):
        self.claims += lanes.claim(limit)

    @rule()
    def worker_dies(self):
        self.claims.clear()

    @rule()
    def time_passes(self):
        """Every wait and every lease is over, though the workers may still be at it."""
        make_lanes_due()

    @rule(limit=st.integers(1, 4))
    def another_worker_takes_over(self, limit):
        make_lanes_due()
        self.claims += lanes.claim(limit)

    @rule(
        picks=st.lists(st.tuples(st.integers(0, 7), outcomes), min_size=1, max_size=5),
        again=st.booleans(),
    )
    def settle_some(self, picks, again):
        """Perhaps too late, perhaps twice, perhaps with a failure of the call."""
        chosen = {pick: error for pick, error in picks if pick < len(self.claims)}
        settle([self.outcome(self.claims[pick], error) for pick, error in chosen.items()])
        if not again:
            self.claims = [
                claim for number, claim in enumerate(self.claims) if number not in chosen
            ]
        self.note_the_dead()

    @staticmethod
    def outcome(claim, error):
        return Outcome(claim, event=claim.record.event(), error=error) if error else read(claim)

    @rule()
    def operator_retries_the_dead(self):
        self.note_the_dead()
        dead_letters.retry(InboxEvent.objects.exclude(dead_at=None), by=self.operator)

    def note_the_dead(self):
        dead = InboxEvent.objects.exclude(dead_at=None)
        self.ever_dead |= {(event.key, event.offset) for event in dead}

    @invariant()
    def no_event_is_stranded(self):
        assert stranded_keys() == set()

    @invariant()
    def each_effect_once_and_each_key_in_order(self):
        for key, numbers in self.ledger.by_key().items():
            assert len(numbers) == len(set(numbers))
            never_dead = [number for number in numbers if (key, number) not in self.ever_dead]
            assert never_dead == sorted(never_dead)

    def teardown(self):
        """Nothing fails any more, and everything comes to its end."""
        if not hasattr(self, "log"):
            return
        self.refuse_nothing()
        for partition in self.log:
            inbox.receive(partition)
        self.operator_retries_the_dead()
        while Lane.objects.exists():
            make_lanes_due()
            settle([read(claim) for claim in lanes.claim(10)])

        self.each_effect_once_and_each_key_in_order()
        assert {key: sorted(numbers) for key, numbers in self.ledger.by_key().items()} == {
            f"p{partition}k{remainder}": list(range(remainder, EVENTS, 2))
            for partition in range(PARTITIONS)
            for remainder in range(2)
        }
        assert not InboxEvent.objects.filter(handled_at=None).exists()


@pytest.mark.parametrize(
    "examples",
    [20, pytest.param(1000, marks=[pytest.mark.large, pytest.mark.timeout(3600)])],
)
@pytest.mark.parametrize("kind", ["ledger", "answering_ledger"], ids=["inline", "with calls"])
def test_any_interleaving(kind, examples, request):
    class OfThisTest(AnyInterleaving):
        ledger = request.getfixturevalue(kind)

    run_state_machine_as_test(
        OfThisTest,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
