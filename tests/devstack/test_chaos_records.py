"""What a run produces to the topics itself: the same for the same seed, whatever came between."""

from types import SimpleNamespace

import pytest

from devstack.chaos.evidence import Plan
from devstack.chaos.invariants.events import bad_records_are_dead
from devstack.chaos.poisons import FAULT, POISONED
from devstack.chaos.records import RecordNotTakenError, Records
from devstack.topics import TopicRecord

TOPIC = "payment.card.result"
CUSTOMERS = ["c1", "c2"]


class Kept(Records):
    """Keeps what it should produce; the broker takes none of it while it is down."""

    def __init__(self, *, seed=1):
        super().__init__("127.0.0.1:9", seed=seed, customers=CUSTOMERS)
        self.kept = []
        self.down = False

    def _produce(self, topic, value, *, key, headers):
        if self.down:
            raise RecordNotTakenError(topic)
        self.kept.append((topic, key, headers))


class TestPoison:
    def test_half_of_them_come_among_good_records(self):
        records = Kept()
        for at in range(400):
            records.poison(TOPIC, how="no time", at=at)

        keys = [key for _, key, _ in records.kept]
        assert set(keys) == {"c1", "c2", "chaos", None}
        assert 150 < sum(key in CUSTOMERS for key in keys) < 250

    def test_names_the_field_that_is_wrong(self):
        records = Kept()
        records.poison(TOPIC, how="no time", at=7)

        assert records.kept[0][2] == {POISONED: "7-no time", FAULT: "timestamp"}

    def test_what_was_not_taken_changes_nothing_later(self):
        one, other = Kept(), Kept()
        other.down = True
        for at in range(20):
            with pytest.raises(RecordNotTakenError):
                other.poison(TOPIC, how="empty", at=at)
        other.down = False
        for at in range(20, 40):
            one.poison(TOPIC, how="empty", at=at)
            other.poison(TOPIC, how="empty", at=at)

        assert one.kept == other.kept


def evidence(*, error, dlq_error):
    """One bad record, dead at the customer service for these reasons."""
    at = {"topic": TOPIC, "partition": 0, "offset": 3}
    headers = {POISONED: "7-no time", FAULT: "timestamp"}
    letter = {
        **headers,
        "dlq_partition": "0",
        "dlq_offset": "3",
        "dlq_consumer": "customer",
        "dlq_error": dlq_error,
    }
    ledger = SimpleNamespace(
        inbox=[
            {**at, "event_id": "e1", "value": b"{}", "dead_at": 1, "error_type": "InvalidEvent"}
            | {"error": error}
        ],
        outbox=[{"correlation_id": "e1", "topic": f"{TOPIC}.dlq"}],
    )
    record = TopicRecord(partition=0, offset=3, key=b"c1", value=b"{}", headers=headers)
    copy = TopicRecord(partition=0, offset=0, key=b"c1", value=b"{}", headers=letter)
    return SimpleNamespace(
        plan=Plan(orders=(), wishes=(), happened=(), answers_within=1.0),
        lags={"customer": [at]},
        ledgers={"customer": ledger},
        topics={TOPIC: [record], f"{TOPIC}.dlq": [copy]},
    )


class TestBadRecordsAreDead:
    right, wrong = "timestamp: not a time", "paymentId: Field required"

    def test_of_what_is_wrong_with_them(self):
        finding = bad_records_are_dead(evidence(error=self.right, dlq_error=self.right))

        assert not finding.violations

    def test_of_something_else_breaks_the_invariant(self):
        for other in (
            evidence(error=self.wrong, dlq_error=self.right),
            evidence(error=self.right, dlq_error=self.wrong),
        ):
            [told] = bad_records_are_dead(other).violations
            assert "paymentId" in told
