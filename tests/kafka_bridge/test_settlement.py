import pytest
from django.db import DataError, OperationalError, connection
from django.utils import timezone

from kafka_bridge import inbox, lanes
from kafka_bridge.errors import CannotBeHandled, OutcomeUnknown, TryLater
from kafka_bridge.models import InboxEvent, Lane, OutboxEvent
from kafka_bridge.outbox import publish
from kafka_bridge.settlement import MAX_ATTEMPTS, Outcome, read, settle
from kafka_bridge.testing import make_lanes_due
from tests.kafka_bridge.noted import DEAD_LETTERS, noted, record_of, work_until_idle


class NoSuchCard(Exception):
    """A handler's own trouble."""


class Unprintable(Exception):
    """An error whose text cannot be had."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def receive(*events):
    inbox.receive([record_of(event) for event in events])


def refuse(ledger, *numbers, error=None):
    """Have the ledger refuse these numbers, or nothing any more."""
    ledger.refuse = lambda event: (error or NoSuchCard()) if event.number in numbers else None


def wait_of(key="c1"):
    return (Lane.objects.get(key=key).available_at - timezone.now()).total_seconds()


class TestSettle:
    def test_effect_and_mark_are_one(self, answering_ledger):
        receive(noted(number=1))

        settle([read(claim) for claim in lanes.claim(10)])

        event = InboxEvent.objects.get()
        assert event.handled_at is not None
        assert event.attempts == 1
        assert answering_ledger.numbers() == [1]
        assert not Lane.objects.exists()

    def test_one_that_cannot_be_recorded_does_not_take_the_others_along(self, answering_ledger):
        receive(*[noted(f"c{number}", number) for number in range(20)])
        refuse(answering_ledger, 7)

        settle([read(claim) for claim in lanes.claim(100)])

        assert sorted(answering_ledger.by_key()) == sorted(f"c{n}" for n in range(20) if n != 7)
        failed = InboxEvent.objects.get(handled_at=None)
        assert (failed.key, failed.attempts, failed.error_type) == ("c7", 1, "NoSuchCard")
        assert "NoSuchCard" in failed.traceback

    def test_one_in_many_is_found_by_halves(self, answering_ledger):
        receive(*[noted(f"c{number}", number) for number in range(256)])
        refuse(answering_ledger, 100)
        record, batches = answering_ledger.record, []

        def count_and_record(events):
            batches.append(len(events))
            record(events)

        answering_ledger.record = count_and_record

        settle([read(claim) for claim in lanes.claim(256)])

        assert len(answering_ledger.by_key()) == 255
        assert len(batches) == 1 + 2 * 8  # the whole, and two halves at each of log2(256) depths

    def test_what_a_refused_record_had_published_is_gone_with_it(self, answering_ledger):
        receive(noted("a", 1), noted("b", 2))
        record = answering_ledger.record

        def publish_and_record(events):
            publish(*[noted(event.customer_id, event.number + 10) for event in events])
            record(events)

        answering_ledger.record = publish_and_record
        refuse(answering_ledger, 1)

        settle([read(claim) for claim in lanes.claim(100)])

        assert [row.key for row in OutboxEvent.objects.all()] == ["b"]

    @pytest.mark.parametrize(
        "error",
        [
            ValueError("NUL \x00 in it"),
            ValueError("half a pair \ud83d in it"),
            ValueError("x" * 3_000_000),
            Unprintable(),
            DataError("as if of PostgreSQL"),
            CannotBeHandled("NUL \x00 and half a pair \ud83d"),
        ],
        ids=["NUL", "surrogate", "huge", "unprintable", "DataError", "dead at once"],
    )
    @pytest.mark.parametrize("attempts", [0, MAX_ATTEMPTS - 1])
    def test_any_error_is_recorded(self, answering_ledger, error, attempts):
        receive(noted("a", 1), noted("b", 2))
        InboxEvent.objects.update(attempts=attempts)
        refuse(answering_ledger, 1, error=error)

        settle([read(claim) for claim in lanes.claim(100)])

        failed = InboxEvent.objects.get(key="a")
        assert failed.error_type == type(error).__name__
        assert failed.attempts == attempts + 1
        assert answering_ledger.by_key() == {"b": [2]}
        assert OutboxEvent.objects.count() == (1 if failed.dead_at else 0)

    @pytest.mark.parametrize(
        "statement",
        ["SELECT 1 / 0", "SELECT repeat('x', 2000000000)", "SELECT 1 FROM no_such_table"],
    )
    def test_statement_that_postgresql_refuses(self, answering_ledger, statement):
        receive(noted("a", 1), noted("b", 2))
        record = answering_ledger.record

        def run_and_record(events):
            if any(event.number == 1 for event in events):
                with connection.cursor() as cursor:
                    cursor.execute(statement)
            record(events)

        answering_ledger.record = run_and_record

        settle([read(claim) for claim in lanes.claim(100)])

        assert answering_ledger.by_key() == {"b": [2]}
        assert InboxEvent.objects.get(key="a").attempts == 1


class TestRefusedForGood:
    """PostgreSQL's limits come as OperationalError too, as a lost connection does."""

    def over_the_limit(self, ledger):
        record = ledger.record

        def run_and_record(events):
            if any(event.number == 1 for event in events):
                with connection.cursor() as cursor:  # a row too large for its index
                    cursor.execute(
                        "CREATE TEMPORARY TABLE IF NOT EXISTS tests_key (key text PRIMARY KEY);"
                        "INSERT INTO tests_key"
                        " SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 400)"
                    )
            record(events)

        ledger.record = run_and_record

    def test_settlement_isolates_it(self, answering_ledger):
        receive(noted("a", 1), noted("b", 2))
        self.over_the_limit(answering_ledger)

        settle([read(claim) for claim in lanes.claim(100)])

        assert answering_ledger.by_key() == {"b": [2]}
        assert InboxEvent.objects.get(key="a").error_type == "OperationalError"

    def test_consumer_isolates_it(self, ledger):
        self.over_the_limit(ledger)

        receive(noted("a", 1), noted("b", 2))
        work_until_idle()

        assert ledger.by_key() == {"b": [2]}
        assert InboxEvent.objects.get(key="a").error_type == "OperationalError"

    def test_database_that_is_away_is_no_failure_of_the_event(self, answering_ledger):
        receive(noted("a", 1))
        (claim,) = lanes.claim(1)
        refuse(answering_ledger, 1, error=OperationalError("server closed the connection"))

        with pytest.raises(OperationalError):
            settle([read(claim)])

        assert InboxEvent.objects.get().attempts == 0
        refuse(answering_ledger)
        settle([read(claim)])
        assert answering_ledger.by_key() == {"a": [1]}


class TestOutcomes:
    def settle_with(self, error, *, attempts=0):
        receive(noted(number=1))
        InboxEvent.objects.update(attempts=attempts)
        (claim,) = lanes.claim(1)
        settle([Outcome(claim, event=claim.record.event(), error=error)])
        return InboxEvent.objects.get()

    def test_failure_waits_longer_each_time(self, answering_ledger):
        waits = []
        receive(noted(number=1))
        for _ in range(6):
            make_lanes_due()
            (claim,) = lanes.claim(1)
            settle([Outcome(claim, event=claim.record.event(), error=NoSuchCard())])
            waits.append(wait_of())

        for number, wait in enumerate(waits, start=1):
            assert 0.25 * 2**number - 0.5 < wait <= 0.5 * 2**number

    def test_wait_has_a_limit(self, answering_ledger):
        self.settle_with(NoSuchCard(), attempts=MAX_ATTEMPTS - 2)

        assert 299 < wait_of() <= 600

    def test_attempts_used_up(self, answering_ledger):
        event = self.settle_with(NoSuchCard("unknown"), attempts=MAX_ATTEMPTS - 1)

        assert event.dead_at is not None
        copy = OutboxEvent.objects.get(topic=DEAD_LETTERS)
        assert bytes(copy.value) == bytes(event.value)
        assert copy.headers["dlq_error"] == "unknown"
        assert not Lane.objects.exists()

    def test_cannot_be_handled_is_dead_at_once(self, answering_ledger):
        assert self.settle_with(CannotBeHandled("never")).dead_at is not None

    def test_unknown_outcome_never_dies(self, answering_ledger):
        event = self.settle_with(OutcomeUnknown("silence"), attempts=MAX_ATTEMPTS * 10)

        assert event.dead_at is None
        assert event.attempts < MAX_ATTEMPTS  # and leaves some for failures of another kind
        assert wait_of() <= 600

    def test_try_later_counts_no_attempt(self, answering_ledger):
        event = self.settle_with(TryLater("limit", seconds=20), attempts=MAX_ATTEMPTS - 1)

        assert event.attempts == MAX_ATTEMPTS - 1
        assert event.error == ""
        assert 19 < wait_of() <= 30
        assert Lane.objects.get().waits_for == "limit"

    def test_lane_says_what_it_waits_for_until_it_goes_on(self, answering_ledger):
        receive(noted(number=1), noted(number=2))
        refuse(answering_ledger, 1)

        settle([read(claim) for claim in lanes.claim(1)])

        assert Lane.objects.get().waits_for == "NoSuchCard: "
        refuse(answering_ledger)
        make_lanes_due()
        settle([read(claim) for claim in lanes.claim(1)])
        assert Lane.objects.get().waits_for == ""

    def test_dead_event_lets_the_next_of_its_lane_go_on(self, answering_ledger):
        receive(noted(number=1), noted(number=2))
        InboxEvent.objects.update(attempts=MAX_ATTEMPTS - 1)
        refuse(answering_ledger, 1)

        settle([read(claim) for claim in lanes.claim(10)])
        settle([read(claim) for claim in lanes.claim(10)])

        assert answering_ledger.numbers() == [2]


class TestParking:
    def test_failing_event_parks_its_own_lane_only(self, ledger):
        refuse(ledger, 3)

        receive(*[noted(f"c{number % 5}", number) for number in range(25)])
        work_until_idle()

        expected = {f"c{key}": list(range(key, 25, 5)) for key in range(5)}
        assert ledger.by_key() == {k: v for k, v in expected.items() if k != "c3"}
        receive(noted("c3", 28), noted("c4", 29))
        assert ledger.numbers("c4") == [4, 9, 14, 19, 24, 29]
        refuse(ledger)
        make_lanes_due()
        work_until_idle()
        assert ledger.numbers("c3") == [3, 8, 13, 18, 23, 28]

    def test_event_that_no_contract_covers_any_more_is_dead(self, ledger):
        refuse(ledger, 1)
        receive(noted(number=1), noted(number=2))
        InboxEvent.objects.filter(key="c1").update(value=b"{}")

        work_until_idle()

        assert {event.error_type for event in InboxEvent.objects.all()} == {"InvalidEvent"}
        assert OutboxEvent.objects.filter(topic=DEAD_LETTERS).count() == 2
        assert not Lane.objects.exists()
