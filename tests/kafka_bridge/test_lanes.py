import itertools
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from kafka_bridge import inbox, lanes
from kafka_bridge.models import InboxEvent, Lane
from kafka_bridge.settlement import Outcome, read, settle
from kafka_bridge.testing import make_lanes_due
from tests.kafka_bridge.connections import elsewhere, wait_until_blocked
from tests.kafka_bridge.noted import empty_queues, noted, record_of
from tests.kafka_bridge.plans import explain, rows_read

pytestmark = pytest.mark.usefixtures("answering_ledger")


def receive(*events):
    inbox.receive([record_of(event) for event in events])


def numbers(claims):
    return [claim.record.event().number for claim in claims]


class TestClaim:
    def test_takes_the_first_pending_event_of_each_lane(self):
        receive(noted("a", 1), noted("b", 2), noted("a", 3))

        assert sorted(numbers(lanes.claim(10))) == [1, 2]
        assert lanes.claim(10) == []

    def test_takes_the_longest_waiting_lanes_up_to_the_limit(self):
        for number in range(5):
            receive(noted(f"c{number}", number))

        assert sorted(numbers(lanes.claim(2))) == [0, 1]
        assert sorted(numbers(lanes.claim(10))) == [2, 3, 4]

    def test_lease_that_ran_out_lets_another_worker_have_the_event(self):
        receive(noted(number=1), noted(number=2))
        (lost,) = lanes.claim(10)
        make_lanes_due()

        (found,) = lanes.claim(10)

        assert found.event_id == lost.event_id
        assert found.lease != lost.lease

    def test_lanes_of_a_clock_that_was_ahead_are_due_and_those_of_a_retry_are_not(self):
        receive(noted("ahead", 1), noted("waits", 2), noted("due", 3))
        Lane.objects.filter(key="ahead").update(available_at=Now() + timedelta(hours=2))
        Lane.objects.filter(key="waits").update(available_at=Now() + timedelta(minutes=30))

        assert numbers(lanes.claim(1)) == [3]
        assert numbers(lanes.claim(10)) == [1]

    def test_age_is_told_by_the_clock_that_received_the_event(self):
        receive(noted())
        InboxEvent.objects.update(received_at=Now() - timedelta(hours=21))

        (claim,) = lanes.claim(10)

        assert timedelta(hours=21) < claim.age < timedelta(hours=21, minutes=1)

    def test_workers_at_once_share_the_lanes(self):
        receive(*[noted(f"c{number}", number) for number in range(300)])

        def claim_all():
            found = []
            while claims := lanes.claim(7):
                found += numbers(claims)
            return found

        with elsewhere(4) as others:
            claimed = [others.run(claim_all) for _ in range(4)]
            shares = [claim.result() for claim in claimed]

        assert sorted(itertools.chain(*shares)) == list(range(300))

    def test_is_not_led_astray_by_what_was_settled_meanwhile(self, answering_ledger):
        # While one worker is in the midst of claiming, another claims and settles the event that
        # was the first of its lane when the one began.
        receive(noted("a", 1))
        receive(noted("b", 2), noted("b", 3))
        with connection.cursor() as cursor:
            cursor.execute(SLOW_CLAIM_OF_A)

        try:
            with elsewhere() as others:
                with transaction.atomic():
                    hold_up()
                    slow = others.run(claim_one_by_one)
                    wait_until_blocked()
                    others.run(work_once).result()
                    assert answering_ledger.numbers("b") == [2]
                claimed = slow.result()
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP FUNCTION tests_slow_claim CASCADE")
        settle([Outcome(claim, event=claim.record.event()) for claim in claimed])
        work_once()
        work_once()

        assert answering_ledger.by_key() == {"a": [1], "b": [2, 3]}


# The lock is the one that `hold_up` takes; only the claim of lane a waits for it.
SLOW_CLAIM_OF_A = """
CREATE FUNCTION tests_slow_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock(4711);
    RETURN NEW;
END $$;
CREATE TRIGGER slow_claim BEFORE UPDATE ON kafka_bridge_lane FOR EACH ROW
    WHEN (NEW.key = 'a' AND NEW.lease IS NOT NULL) EXECUTE FUNCTION tests_slow_claim();
"""


def claim_one_by_one():
    """Claim by a plan that locks a lane, then marks it, then looks at the next one."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
    return lanes.claim(10)


def hold_up():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(4711)")


def work_once():
    settle([read(claim) for claim in lanes.claim(10)])


class TestFencing:
    def claim_after_each_other(self):
        receive(noted(number=1), noted(number=2))
        (late,) = lanes.claim(10)
        make_lanes_due()
        (current,) = lanes.claim(10)
        return late, current

    def test_late_worker_cannot_record(self, answering_ledger):
        late, current = self.claim_after_each_other()

        settle([read(late)])
        assert answering_ledger.numbers() == []
        settle([read(current)])
        settle([read(late)])

        assert answering_ledger.numbers() == [1]

    def test_frozen_worker_that_has_it_twice_records_it_once(self, answering_ledger):
        late, current = self.claim_after_each_other()

        settle([read(late), read(current)])

        assert answering_ledger.numbers() == [1]

    def test_late_worker_cannot_fail_what_another_has(self):
        late, current = self.claim_after_each_other()

        settle([Outcome(late, error=RuntimeError("too late"))])

        event = InboxEvent.objects.get(event_id=current.event_id)
        assert event.attempts == 0
        assert Lane.objects.get().lease == current.lease

    def test_late_worker_cannot_fail_what_another_has_handled(self):
        late, current = self.claim_after_each_other()
        settle([read(current)])

        settle([Outcome(late, error=RuntimeError("too late"))])

        assert InboxEvent.objects.get(event_id=late.event_id).error == ""
        assert numbers(lanes.claim(10)) == [2]

    def test_late_worker_whose_lane_nobody_took_may_still_record(self, answering_ledger):
        receive(noted(number=1))
        (late,) = lanes.claim(10)
        make_lanes_due()

        settle([read(late)])
        settle([read(late)])

        assert answering_ledger.numbers() == [1]
        assert lanes.claim(10) == []

    def test_two_workers_settle_one_claim_at_once(self, answering_ledger):
        receive(noted(number=1), noted(number=2))
        (claim,) = lanes.claim(10)

        with elsewhere() as others:
            with transaction.atomic():
                settle([read(claim)])
                again = others.run(lambda: settle([read(claim)]))
                wait_until_blocked()
            again.result()

        assert answering_ledger.numbers() == [1]

    def test_late_worker_does_not_hold_up_the_others_of_its_batch(self, answering_ledger):
        late, _current = self.claim_after_each_other()
        receive(noted("other", 3))
        (other,) = lanes.claim(10)

        settle([read(late), read(other)])

        assert answering_ledger.by_key() == {"other": [3]}


class TestCost:
    @pytest.mark.parametrize("pending", [20_000, pytest.param(1_000_000, marks=pytest.mark.large)])
    def test_claim_reads_what_it_takes_and_no_more(self, pending):
        fill_lanes(pending)

        lease = "00000000-0000-0000-0000-000000000000"
        claim = explain(lanes._CLAIM, {"limit": 10, "lease": lease, "time": "1 minute"})
        first_pending = explain(lanes._FIRST_PENDING, [["c1", "c2", "c3"]])

        assert rows_read(claim) < 100, claim
        assert rows_read(first_pending) < 20, first_pending


def fill_lanes(count):
    empty_queues()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO kafka_bridge_inboxevent (event_id, topic, partition, "offset", key, value,
                headers, correlation_id, received_at, attempts, error_type, error, traceback,
                fingerprint)
            SELECT gen_random_uuid(), 'webhook.processed', 0, number, 'c' || number %% %s, '',
                '{}', gen_random_uuid(), clock_timestamp(), 0, '', '', '', ''
            FROM generate_series(1, %s) AS number;
            INSERT INTO kafka_bridge_lane (key, available_at)
            SELECT 'c' || number, clock_timestamp() FROM generate_series(0, %s - 1) AS number;
            ANALYZE kafka_bridge_inboxevent, kafka_bridge_lane
            """,
            [count // 4, count, count // 4],
        )
