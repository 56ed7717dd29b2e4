"""What a consumer has passed must be in its inbox: seen in the end, and before each rewind."""

import json

from devstack.chaos.invariants.events import passed_only_what_it_has, skipping
from devstack.chaos.rewinds import Rewinds
from devstack.topics import TopicRecord

TOPIC = "payment.card.result"


def record(offset, *, event_id=""):
    value = json.dumps({"eventId": event_id}).encode()
    return TopicRecord(partition=0, offset=offset, key=b"c1", value=value, headers={})


def row(offset, *, event_id="e1", topic=TOPIC):
    return {"event_id": event_id, "topic": topic, "partition": 0, "offset": offset}


def found(*, committed, topic=TOPIC, records, inbox=(), logged=()):
    finding = skipping()
    passed_only_what_it_has(
        finding,
        "customer",
        lags=[{"topic": topic, "partition": 0, "committed": committed}],
        topics={topic: list(records)},
        inbox={each["event_id"]: each for each in inbox},
        logged=list(logged),
    )
    return finding


class TestPassedOnlyWhatItHas:
    def test_record_that_was_passed_and_is_not_there_is_told(self):
        finding = found(committed=2, records=[record(0), record(1), record(2)], inbox=[row(0)])

        assert finding.checked == 2
        assert finding.violations == [f"customer passed {(TOPIC, 0, 1)} and does not have it"]

    def test_repetition_is_known_by_its_event_id(self):
        finding = found(committed=9, records=[record(5, event_id="e1")], inbox=[row(0)])

        assert not finding.violations

    def test_dead_letters_are_in_the_event_log(self):
        letters = f"{TOPIC}.dlq"
        passed = {"committed": 1, "topic": letters, "records": [record(0)]}

        assert found(**passed).violations
        assert not found(**passed, logged=[row(0, topic=letters)]).violations

    def test_nothing_passed_is_nothing_checked(self):
        assert not found(committed=None, records=[record(0)]).checked


class Admin:
    """The admin service while its consumers are down: what it has, and what it has passed."""

    def __init__(self, *_arguments):
        pass

    def close(self):
        pass

    def rows(self, _service, query, *_arguments):
        return [row(0, topic=f"{TOPIC}.dlq")] if "event_log" in query else [row(0)]

    def committed(self, group, topics):
        assert group == "admin-service"
        return [{"topic": topic, "partition": 0, "committed": 2} for topic in topics]

    def all_of(self, topics):
        return {topic: [record(0), record(1)] for topic in topics}


class TestRewinds:
    def test_what_was_lost_is_known_before_it_comes_again(self, monkeypatch):
        monkeypatch.setattr("devstack.chaos.rewinds.Trace", Admin)
        rewinds = Rewinds(None)

        rewinds.look(Admin(), "admin", [TOPIC, f"{TOPIC}.dlq"])

        [finding] = rewinds.findings
        assert (finding.number, finding.checked) == (9, 4)
        assert finding.violations == [
            f"before a rewind, admin passed {(topic, 0, 1)} and does not have it"
            for topic in (TOPIC, f"{TOPIC}.dlq")
        ]


class TestFinding:
    def test_what_was_found_earlier_counts_too(self):
        earlier = found(committed=1, records=[record(0)])
        finding = found(committed=1, records=[record(0)], inbox=[row(0)])

        finding.add(earlier)

        assert (finding.checked, len(finding.violations)) == (2, 1)
