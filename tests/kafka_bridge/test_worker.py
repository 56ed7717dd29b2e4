import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from devstack.waiting import wait_until
from kafka_bridge import inbox
from kafka_bridge import worker as worker_module
from kafka_bridge.errors import CannotBeHandled, OutcomeUnknown, TryLater
from kafka_bridge.handlers import limits_claims
from kafka_bridge.models import InboxEvent, Lane, OutboxEvent
from kafka_bridge.testing import make_lanes_due
from kafka_bridge.worker import LaneWorker
from tests.kafka_bridge.noted import DEAD_LETTERS, noted, record_of
from tests.kafka_bridge.workers import close, running_worker

IN_FLIGHT = 50


@pytest.fixture
def worker(answering_ledger):
    with running_worker(in_flight=IN_FLIGHT) as worker:
        yield worker


def receive(*events):
    inbox.receive([record_of(event) for event in events])


class Bank:
    """Somebody to call, who answers when the test lets it."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.calls: list[int] = []
        self.at_once = 0
        self.most_at_once = 0

    async def call(self, event):
        self.calls.append(event.number)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.to_thread(self.open.wait)
        self.at_once -= 1
        return event.number


@pytest.fixture
def bank(answering_ledger):
    bank = Bank()
    answering_ledger.call = bank.call
    yield bank
    bank.open.set()


@pytest.fixture
def background():
    with ThreadPoolExecutor(4) as pool:
        yield pool


class TestDrain:
    def test_handles_all_lanes_each_in_order(self, worker, answering_ledger):
        receive(*[noted(f"c{number % 20}", number) for number in range(200)])

        worker.drain()

        assert answering_ledger.by_key() == {
            f"c{key}": list(range(key, 200, 20)) for key in range(20)
        }
        assert not Lane.objects.exists()

    def test_many_calls_are_in_flight_and_one_a_lane(self, worker, bank, background):
        receive(*[noted(f"c{number % 40}", number) for number in range(80)])

        draining = background.submit(worker.drain)
        wait_until(lambda: len(bank.calls) == 40, what="a call for each lane")
        assert sorted(bank.calls) == list(range(40))
        bank.open.set()
        draining.result(timeout=30)

        assert bank.most_at_once == 40

    def test_never_more_than_it_may(self, worker, bank, background):
        receive(*[noted(f"c{number}", number) for number in range(IN_FLIGHT * 3)])

        draining = background.submit(worker.drain)
        wait_until(lambda: len(bank.calls) == IN_FLIGHT, what="as many calls as there may be")
        bank.open.set()
        draining.result(timeout=30)

        assert bank.most_at_once == IN_FLIGHT
        assert sorted(bank.calls) == list(range(IN_FLIGHT * 3))

    def test_shared_quota_leaves_lanes_unclaimed(self, worker, bank, background):
        limits_claims(lambda: 3 - bank.at_once)
        receive(*[noted(f"c{number}", number) for number in range(10)])

        draining = background.submit(worker.drain)
        wait_until(lambda: len(bank.calls) == 3, what="as many calls as the quota has room for")
        assert Lane.objects.filter(lease=None).count() == 7
        bank.open.set()
        draining.result(timeout=30)

        assert bank.most_at_once == 3
        assert len(bank.calls) == 10

    def test_slow_lane_does_not_hold_up_what_arrives(self, worker, answering_ledger, background):
        slow = threading.Event()

        async def call(event):
            if event.number == 0:
                await asyncio.to_thread(slow.wait)

        answering_ledger.call = call
        receive(noted("slow", 0))
        draining = background.submit(worker.drain)
        wait_until(lambda: not Lane.objects.filter(lease=None).exists(), what="the slow call")

        for number in range(1, 6):
            receive(noted(f"c{number}", number))
            worker.drain()  # returns at once: the other thread is at it
            wait_until(lambda n=number: answering_ledger.numbers(f"c{n}") == [n], what="the others")
        slow.set()
        draining.result(timeout=30)

        assert answering_ledger.numbers("slow") == [0]

    def test_no_hint_is_lost(self, worker, answering_ledger, background):
        """Many hints race with the moment at which a drain finds nothing more to do."""
        hints = []
        for number in range(150):
            receive(noted(f"c{number % 3}", number))
            hints.append(background.submit(worker.drain))
            if number % 7 == 0:
                hints.pop().result(timeout=30)
        for hint in hints:
            hint.result(timeout=30)

        # No sweep here: the last drain saw all.
        assert answering_ledger.by_key() == {
            f"c{key}": list(range(key, 150, 3)) for key in range(3)
        }

    def test_two_workers_share_the_lanes(self, worker, answering_ledger, background):
        receive(*[noted(f"c{number % 30}", number) for number in range(300)])
        other = LaneWorker(in_flight=IN_FLIGHT)

        try:
            for draining in [background.submit(one.drain) for one in (worker, other)]:
                draining.result(timeout=60)
        finally:
            close(other)

        assert answering_ledger.by_key() == {
            f"c{key}": list(range(key, 300, 30)) for key in range(30)
        }


class TestOutcomes:
    @pytest.fixture(autouse=True)
    def short_call_timeout(self, monkeypatch):
        monkeypatch.setattr(worker_module, "_CALL_TIMEOUT", 0.2)

    def drain_with(self, worker, ledger, call):
        ledger.call = call
        receive(noted("a", 1), noted("b", 2))
        worker.drain()
        assert ledger.numbers("b") == [2]
        return SimpleNamespace(
            event=InboxEvent.objects.get(key="a"), lane=Lane.objects.filter(key="a").first()
        )

    @staticmethod
    def raising(error):
        async def call(event):
            if event.number == 1:
                raise error

        return call

    def test_try_later_parks_the_lane_and_counts_no_attempt(self, worker, answering_ledger):
        found = self.drain_with(
            worker, answering_ledger, self.raising(TryLater("limit", seconds=60))
        )

        assert found.event.attempts == 0
        assert found.lane.lease is None

    def test_unknown_outcome_is_tried_again(self, worker, answering_ledger):
        found = self.drain_with(worker, answering_ledger, self.raising(OutcomeUnknown("silence")))

        assert found.event.error_type == "OutcomeUnknown"
        assert found.event.dead_at is None
        self.assert_second_attempt_works(worker, answering_ledger)

    def test_event_that_cannot_be_handled_is_dead(self, worker, answering_ledger):
        found = self.drain_with(worker, answering_ledger, self.raising(CannotBeHandled("never")))

        assert found.event.dead_at is not None
        assert found.lane is None
        assert OutboxEvent.objects.filter(topic=DEAD_LETTERS).count() == 1

    @pytest.mark.parametrize("error", [ValueError("ours"), ConnectionError("theirs"), KeyError(1)])
    def test_failure_is_tried_again(self, worker, answering_ledger, error):
        found = self.drain_with(worker, answering_ledger, self.raising(error))

        assert found.event.attempts == 1
        assert found.event.error_type == type(error).__name__
        self.assert_second_attempt_works(worker, answering_ledger)

    @pytest.mark.parametrize("error", [TimeoutError(), asyncio.CancelledError()])
    def test_call_that_was_given_up_has_an_unknown_outcome(self, worker, answering_ledger, error):
        found = self.drain_with(worker, answering_ledger, self.raising(error))

        assert found.event.error_type == "OutcomeUnknown"
        self.assert_second_attempt_works(worker, answering_ledger)

    def test_call_without_end_is_given_up_before_its_lease_ends(self, worker, answering_ledger):
        async def call(event):
            if event.number == 1:
                await asyncio.Event().wait()

        found = self.drain_with(worker, answering_ledger, call)

        assert found.event.error_type == "OutcomeUnknown"
        self.assert_second_attempt_works(worker, answering_ledger)

    def test_answer_that_cannot_be_recorded_is_a_failure(self, worker, answering_ledger):
        answering_ledger.refuse = lambda event: ValueError("full") if event.number == 1 else None
        receive(noted("a", 1), noted("b", 2))

        worker.drain()

        assert InboxEvent.objects.get(key="a").error_type == "ValueError"
        assert answering_ledger.by_key() == {"b": [2]}

    def assert_second_attempt_works(self, worker, ledger):
        ledger.call = self.answering
        make_lanes_due()
        worker.drain()
        assert ledger.by_key() == {"a": [1], "b": [2]}

    @staticmethod
    async def answering(_event):
        return None


class TestStop:
    def test_what_is_in_flight_is_finished_and_settled(self, worker, bank, background):
        receive(*[noted(f"c{number}", number) for number in range(IN_FLIGHT + 10)])
        draining = background.submit(worker.drain)
        wait_until(lambda: len(bank.calls) == IN_FLIGHT, what="the calls")

        worker.stop()
        bank.open.set()
        draining.result(timeout=30)

        assert InboxEvent.objects.exclude(handled_at=None).count() == IN_FLIGHT
        assert not Lane.objects.exclude(lease=None).exists()
        assert Lane.objects.count() == 10

    def test_stopped_worker_takes_no_more(self, worker, answering_ledger):
        worker.stop()
        receive(noted())

        worker.drain()

        assert answering_ledger.numbers() == []


def test_threads_that_want_the_first_worker_at_once_get_one_and_the_same(monkeypatch):
    made = []

    def make_slowly():
        time.sleep(0.1)  # as starting a thread may
        made.append(object())
        return made[-1]

    monkeypatch.setattr(worker_module, "LaneWorker", make_slowly)
    worker_module._only_worker.cache_clear()
    try:
        with ThreadPoolExecutor(4) as threads:
            got = list(threads.map(lambda _: worker_module.current_worker(), range(4)))
    finally:
        worker_module._only_worker.cache_clear()

    assert got == made * 4


def test_latency_of_one_event_is_that_of_its_call(worker, answering_ledger):
    """One lane at a time stays fast: no batch is waited for."""
    waits = []
    for number in range(30):
        receive(noted(number=number))
        started = time.monotonic()
        worker.drain()
        waits.append(time.monotonic() - started)

    assert sorted(waits)[15] < 0.05
