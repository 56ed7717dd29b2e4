import pytest
from django.db import transaction

from kafka_bridge.broker import MAX_RECORD_BYTES
from kafka_bridge.contracts.base import new_event_id
from kafka_bridge.errors import EventTooLarge, PublishedOutsideTransaction
from kafka_bridge.models import OutboxEvent
from kafka_bridge.outbox import OutboxRecord, publish, publish_once, publish_records
from tests.kafka_bridge.connections import elsewhere, wait_until_blocked
from tests.kafka_bridge.noted import Noted, noted


class TestPublish:
    def test_outside_a_transaction_is_refused(self):
        with pytest.raises(PublishedOutsideTransaction):
            publish(noted())

        assert not OutboxEvent.objects.exists()

    def test_nothing_outside_a_transaction_is_refused_too(self):
        with pytest.raises(PublishedOutsideTransaction):
            publish()

    def test_rollback_leaves_nothing(self):
        with transaction.atomic():
            publish(noted())
            transaction.set_rollback(True)

        assert not OutboxEvent.objects.exists()

    def test_savepoint_leaves_nothing(self):
        with transaction.atomic():
            publish(noted(number=1))
            with transaction.atomic():
                publish(noted(number=2))
                transaction.set_rollback(True)

        assert OutboxEvent.objects.count() == 1

    def test_events_keep_the_order_in_which_they_are_given(self):
        events = [noted(f"c{number % 3}", number) for number in range(30)]
        with transaction.atomic():
            publish(*events)

        rows = OutboxEvent.objects.order_by("id")
        assert [row.event_id for row in rows] == [event.event_id for event in events]

    def test_writers_of_one_key_wait_for_each_other(self):
        first, second = noted(number=1), noted(number=2)

        with elsewhere() as others:
            with transaction.atomic():
                publish(first)
                later = others.run(lambda: publish_alone(second))
                wait_until_blocked()
            later.result()

        assert list(OutboxEvent.objects.order_by("id").values_list("event_id", flat=True)) == [
            first.event_id,
            second.event_id,
        ]

    def test_writers_of_other_keys_do_not_wait(self):
        with elsewhere() as others, transaction.atomic():
            publish(noted("a"))
            others.run(lambda: publish_alone(noted("b"))).result(timeout=10)

    def test_writers_of_the_same_keys_in_any_order_do_not_deadlock(self):
        keys = [f"c{number}" for number in range(40)]

        with elsewhere(4) as others:
            writers = [
                others.run(lambda keys=keys: publish_alone(*[noted(key) for key in keys]))
                for keys in (keys, keys[::-1], keys[20:] + keys[:20], keys[::2] + keys[1::2])
                for _ in range(10)
            ]
            for writer in writers:
                writer.result()

        assert OutboxEvent.objects.count() == 1600

    def test_event_that_no_broker_takes_is_refused(self):
        with transaction.atomic(), pytest.raises(EventTooLarge):
            publish_records([outbox_record(value=b"x" * (MAX_RECORD_BYTES + 1))])

        assert not OutboxEvent.objects.exists()


class TestPublishOnce:
    def test_second_time_does_nothing(self):
        event = noted()

        assert [publish_once(event), publish_once(event)] == [True, False]
        assert OutboxEvent.objects.get().event_id == event.event_id

    def test_needs_no_transaction_and_waits_for_other_writers_of_the_key(self):
        first, second = noted(number=1), noted(number=2)

        with elsewhere() as others:
            with transaction.atomic():
                publish(first)
                later = others.run(lambda: publish_once(second))
                wait_until_blocked()
            assert later.result()

        ids = OutboxEvent.objects.order_by("id").values_list("event_id", flat=True)
        assert list(ids) == [first.event_id, second.event_id]

    def test_many_at_once_publish_one(self):
        event = noted()

        with elsewhere(4) as others:
            given = [others.run(lambda: publish_once(event)) for _ in range(20)]
            published = [one.result() for one in given]

        assert published.count(True) == OutboxEvent.objects.count() == 1

    def test_within_a_transaction_it_is_part_of_it(self):
        with transaction.atomic():
            publish_once(noted())
            transaction.set_rollback(True)

        assert not OutboxEvent.objects.exists()


def publish_alone(*events):
    with transaction.atomic():
        publish(*events)


def outbox_record(*, value):
    event_id = new_event_id()
    return OutboxRecord(event_id, Noted.topic, "c1", value, {}, event_id)
