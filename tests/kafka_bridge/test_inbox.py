import random

from django.db import transaction

from kafka_bridge import inbox, lanes
from kafka_bridge.contracts import event_id_of_record
from kafka_bridge.models import InboxEvent, Lane
from kafka_bridge.records import Record
from kafka_bridge.settlement import Outcome, settle
from kafka_bridge.testing import make_lanes_due
from tests.kafka_bridge.connections import elsewhere, wait_until_blocked
from tests.kafka_bridge.noted import (
    Noted,
    noted,
    record_of,
    record_with,
    value_with,
    work_until_idle,
)


class NoSuchCard(Exception):
    """A handler's own trouble."""


class TestStoring:
    def test_record_is_stored_as_it_came(self, ledger):
        value = b' {"unknown": [1.50, null], ' + noted().to_json()[1:] + b"\n"
        headers = {"traceparent": "00-1-2-03", "strange": "\ufffd é"}
        record = Record(Noted.topic, 3, 77, b"c1", value, headers)

        inbox.receive([record])

        row = InboxEvent.objects.get()
        assert bytes(row.value) == value
        assert (row.topic, row.partition, row.offset) == (Noted.topic, 3, 77)
        assert row.headers == headers
        assert row.handled_at is not None

    def test_record_without_an_id_is_known_by_where_it_is(self, ledger):
        value = noted().to_json()
        body = value.replace(b'"eventId"', b'"otherId"')
        record = record_with(body)

        inbox.receive([record])
        inbox.receive([record])

        row = InboxEvent.objects.get()
        assert row.event_id == event_id_of_record(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            value=record.value,
        )
        assert ledger.numbers() == [0]

    def test_rollback_leaves_neither_event_nor_effect(self, ledger):
        with transaction.atomic():
            inbox.receive([record_of(noted())])
            transaction.set_rollback(True)

        assert not InboxEvent.objects.exists()
        assert ledger.numbers() == []


class TestDuplicates:
    def test_in_one_batch(self, ledger):
        event = noted()

        inbox.receive([record_of(event), record_of(event), record_of(noted(number=1))])

        assert ledger.numbers() == [0, 1]

    def test_in_a_later_batch(self, ledger):
        first, second = noted(number=1), noted(number=2)
        inbox.receive([record_of(first)])

        inbox.receive([record_of(first), record_of(second)])
        inbox.receive([record_of(second), record_of(first)])

        assert ledger.numbers() == [1, 2]

    def test_while_the_first_waits_in_its_lane(self, answering_ledger):
        event = noted()

        assert inbox.receive([record_of(event)]) == 1
        assert inbox.receive([record_of(event)]) == 0

        assert InboxEvent.objects.count() == 1

    def test_after_the_first_died(self, ledger):
        ledger.refuse = lambda _event: NoSuchCard()
        event = noted()
        inbox.receive([record_of(event)])
        InboxEvent.objects.update(attempts=24)
        work_until_idle()
        ledger.refuse = lambda _event: None

        inbox.receive([record_of(event)])

        assert InboxEvent.objects.get().dead_at is not None
        assert ledger.numbers() == []

    def test_at_two_consumers_at_once(self, ledger):
        events = [noted(f"c{number % 7}", number) for number in range(300)]

        def consume(seed):
            chooser = random.Random(seed)
            start = 0
            while start < len(events):
                size = chooser.randint(1, 60)
                inbox.receive([record_of(event) for event in events[start : start + size]])
                start += size

        with elsewhere(2) as others:
            for done in [others.run(lambda seed=seed: consume(seed)) for seed in range(2)]:
                done.result()

        assert ledger.by_key() == {
            f"c{key}": [number for number in range(300) if number % 7 == key] for key in range(7)
        }

    def test_an_id_of_another_kind_counts_once_too(self, ledger):
        value = value_with(eventId="order-4711/1")

        inbox.receive([record_with(value), record_with(value)])
        inbox.receive([record_with(value)])

        assert ledger.numbers() == [0]


class TestOrder:
    def test_events_of_one_customer_in_one_batch(self, ledger):
        events = [noted(f"c{number % 3}", number) for number in range(30)]

        inbox.receive([record_of(event) for event in events])

        assert ledger.by_key() == {f"c{key}": list(range(key, 30, 3)) for key in range(3)}

    def test_event_behind_a_pending_one_waits_for_it(self, ledger):
        ledger.refuse = lambda _event: NoSuchCard()
        inbox.receive([record_of(noted(number=1))])
        ledger.refuse = lambda _event: None

        inbox.receive([record_of(noted(number=2)), record_of(noted("other", 3))])

        assert ledger.by_key() == {"other": [3]}
        work_until_idle()
        assert ledger.numbers() == [1, 2]

    def test_one_refused_event_delays_its_own_customer_only(self, ledger):
        events = [noted(f"c{number % 10}", number) for number in range(50)]
        ledger.refuse = lambda event: NoSuchCard() if event.number == 13 else None

        inbox.receive([record_of(event) for event in events])
        work_until_idle()

        expected = {f"c{key}": list(range(key, 50, 10)) for key in range(10)}
        assert ledger.by_key() == expected | {"c3": [3]}
        ledger.refuse = lambda _event: None
        make_lanes_due()
        work_until_idle()
        assert ledger.by_key() == expected

    def test_consumer_put_out_of_its_group_while_it_stores(self, ledger):
        # One that was too slow still stores 0 and 1, for their lane as 0 was refused; the one that
        # has their partition now got them too, and what follows.
        refusals = [NoSuchCard()]
        ledger.refuse = lambda event: refusals.pop() if event.number == 0 and refusals else None
        records = [record_of(noted(number=number)) for number in range(4)]

        with elsewhere(2) as others:
            with transaction.atomic():  # keeps the slow one from its commit
                Lane.objects.create(key="c1", available_at="2020-01-01T00:00Z")
                slow = others.run(lambda: inbox.receive(records[:2]))
                wait_until_blocked(1)
                next_one = others.run(lambda: inbox.receive(records))
                wait_until_blocked(2)
                transaction.set_rollback(True)
            slow.result()
            next_one.result()
        work_until_idle()

        assert ledger.numbers() == [0, 1, 2, 3]


class TestClosingLanes:
    """An event that arrives while its lane is being closed, whoever of the two is first."""

    def claim_only_event(self):
        inbox.receive([record_of(noted(number=1))])
        (claim,) = lanes.claim(10)
        return Outcome(claim, event=claim.record.event())

    def test_event_arrives_before_the_close_commits(self, answering_ledger):
        outcome = self.claim_only_event()

        with elsewhere() as others:
            with transaction.atomic():
                settle([outcome])
                arrival = others.run(lambda: inbox.receive([record_of(noted(number=2))]))
                wait_until_blocked()
            assert arrival.result() == 1

        assert Lane.objects.count() == 1

    def test_close_begins_before_the_event_commits(self, answering_ledger):
        outcome = self.claim_only_event()

        with elsewhere() as others:
            with transaction.atomic():
                inbox.receive([record_of(noted(number=2))])
                closing = others.run(lambda: settle([outcome]))
                wait_until_blocked()
            closing.result()

        assert Lane.objects.count() == 1
        assert [claim.record.event().number for claim in lanes.claim(10)] == [2]

    def test_event_is_seen_but_its_lane_not_yet(self, answering_ledger):
        outcome = self.claim_only_event()
        late = record_of(noted(number=2))

        with elsewhere() as others:
            with transaction.atomic():
                lanes.hold([outcome.claim])
                arrival = others.run(lambda: inbox.receive([late]))
                wait_until_blocked()
                settle([outcome])
            arrival.result()

        assert [claim.record.event().number for claim in lanes.claim(10)] == [2]

    def test_inline_event_while_its_lane_closes(self, ledger):
        ledger.refuse = lambda _event: NoSuchCard()
        inbox.receive([record_of(noted(number=1))])
        ledger.refuse = lambda _event: None
        (claim,) = lanes.claim(10)

        with elsewhere() as others:
            with transaction.atomic():
                settle([Outcome(claim, event=claim.record.event())])
                arrival = others.run(lambda: inbox.receive([record_of(noted(number=2))]))
                wait_until_blocked()
            arrival.result()
        work_until_idle()

        assert ledger.numbers() == [1, 2]

    def test_many_arrivals_and_closings(self, ledger):
        """The same by chance: two store, two work the lanes, some events are refused."""
        chooser = random.Random(7)
        ledger.refuse = lambda _event: NoSuchCard() if chooser.random() < 0.02 else None
        events = [[noted(f"{side}{number % 5}", number) for number in range(400)] for side in "ab"]

        def store(stream):
            for start in range(0, len(stream), 5):
                inbox.receive([record_of(event) for event in stream[start : start + 5]])

        def work():
            while not all(storing.done() for storing in stores):
                make_lanes_due()
                work_until_idle()

        with elsewhere(4) as others:
            stores = [others.run(lambda stream=stream: store(stream)) for stream in events]
            for worker in [others.run(work) for _ in range(2)]:
                worker.result()
        ledger.refuse = lambda _event: None
        make_lanes_due()
        work_until_idle()

        assert ledger.by_key() == {
            f"{side}{key}": list(range(key, 400, 5)) for side in "ab" for key in range(5)
        }
        assert not Lane.objects.exists()
