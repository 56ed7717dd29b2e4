"""Whatever a record holds: it is stored, and the next one is handled."""

import pytest
from django import conf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kafka_bridge import inbox
from kafka_bridge.broker import MAX_RECORD_BYTES
from kafka_bridge.errors import InvalidEvent
from kafka_bridge.models import InboxEvent, Lane, OutboxEvent
from kafka_bridge.records import Record
from tests.kafka_bridge.noted import (
    DEAD_LETTERS,
    Noted,
    empty_all_tables,
    noted,
    record_of,
    record_with,
    value_with,
)

BAD_VALUES = {
    "bad UTF-8": (b'{"customerId": "\xff\xfe"}', "value: Invalid JSON"),
    "nothing": (None, "value: Invalid JSON"),
    "no bytes": (b"", "value: Invalid JSON"),
    "broken JSON": (value_with()[:-5], "value: Invalid JSON"),
    "a list": (b"[]", "value: Input should be an object"),
    "wrong eventType": (value_with(eventType="webhook.received"), "eventType: Input should be"),
    "a fraction": (value_with(amount=10.5), "amount: Input should be a valid integer"),
    "a float": (value_with(amount=10.0), "amount: Input should be a valid integer"),
    "amount in words": (value_with(amount="1000"), "amount: Input should be a valid integer"),
    "amount below zero": (value_with(amount=-1), "amount: Input should be greater than 0"),
    "amount true": (value_with(amount=True), "amount: Input should be a valid integer"),
    "version 2.0": (value_with(version="2.0"), "version: String should match"),
    "no customer": (value_with(customerId=""), "customerId: String should have at least 1"),
    "long customer": (value_with(customerId="é" * 256), "customerId: String should have at most"),
    "NUL": (value_with(customerId="a\x00b"), "U+0000"),
    "NUL elsewhere": (value_with(unknown={"deep": ["\x00"]}), "U+0000"),
    "lone surrogate": (value_with(source="*").replace(b"*", rb"\ud83d"), "value: Invalid JSON"),
    "bottomless": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "recursion limit"),
    "huge number": (value_with(amount=1)[:-1].replace(b"1", b"9" * 6000) + b"}", "out of range"),
    "huge": (b"[" + b" " * 2_000_000, "value: Invalid JSON"),
}


@pytest.fixture(params=["ledger", "answering_ledger"], ids=["inline", "with calls"])
def either_ledger(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(("value", "reason"), BAD_VALUES.values(), ids=BAD_VALUES)
class TestBadValue:
    def test_is_dead_with_its_reason_and_a_copy(self, either_ledger, value, reason):
        record = record_with(value, headers={"traceparent": "00-1-2-03"})
        good = record_of(noted(number=1))

        inbox.receive([record, good])
        inbox.receive([record])  # as after a lost commit of its offset

        dead = InboxEvent.objects.get(dead_at__isnull=False)
        assert (None if dead.value is None else bytes(dead.value)) == value
        assert dead.error_type == "InvalidEvent"
        assert reason in dead.error
        self.assert_copied(record)
        self.assert_good_one_went_on(good)

    def assert_copied(self, record):
        copy = OutboxEvent.objects.get(topic=DEAD_LETTERS)
        if len(record.value or b"") <= MAX_RECORD_BYTES:
            assert bytes(copy.value) == (record.value or b"")
        assert copy.key == "c1"
        assert copy.headers["traceparent"] == "00-1-2-03"
        assert copy.headers["dlq_error_type"] == "InvalidEvent"
        assert copy.headers["dlq_topic"] == record.topic
        assert copy.headers["dlq_consumer"] == conf.settings.SERVICE_NAME
        assert copy.headers["dlq_offset"] == str(record.offset)

    def assert_good_one_went_on(self, good):
        row = InboxEvent.objects.get(dead_at__isnull=True)
        assert row.event_id == good.event().event_id
        assert row.handled_at is not None or Lane.objects.filter(key=row.key).exists()


class TestKeysAndHeaders:
    @pytest.mark.parametrize(
        "key",
        [None, b"", b"\xff\x00", b"k" * 256, "é".encode() * 5_000],
        ids=["null", "empty", "no text", "too long", "huge"],
    )
    def test_any_key_may_come_with_a_bad_value(self, either_ledger, key):
        inbox.receive([record_with(b"?", key=key), record_of(noted())])

        assert InboxEvent.objects.filter(dead_at__isnull=False).count() == 1
        assert OutboxEvent.objects.filter(topic=DEAD_LETTERS).count() == 1

    @pytest.mark.parametrize("key", [None, b"", b"someone-else", b"\xff", b"k" * 300])
    def test_any_key_may_come_with_a_good_value(self, ledger, key):
        inbox.receive([record_with(noted().to_json(), key=key)])

        assert InboxEvent.objects.get().key == "c1"
        assert ledger.numbers() == [0]

    def test_headers_are_kept_whatever_they_are(self, either_ledger):
        headers = {"": "", 'a"b\\': "'); --", "é": "\ufffd" * 100, "ce_id": "no-uuid"}

        inbox.receive([record_with(b"?", headers=headers), record_of(noted())])

        assert InboxEvent.objects.get(dead_at__isnull=False).headers == headers


def _encodes(text):
    return text.isprintable() or not any("\ud800" <= character <= "\udfff" for character in text)


records = st.builds(
    Record,
    topic=st.just(Noted.topic),
    partition=st.integers(0, 5),
    offset=st.integers(0, 2**62),
    key=st.none() | st.binary(max_size=300),
    value=st.one_of(
        st.none(),
        st.binary(max_size=50),
        st.builds(
            lambda field, value: value_with(**{field: value}),
            st.sampled_from(["eventId", "customerId", "amount", "version", "correlationId"]),
            st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=300).filter(_encodes),
        ),
        st.builds(lambda event_id: value_with(eventId=event_id), st.uuids().map(str)),
    ),
    headers=st.dictionaries(
        st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
        st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=50),
        max_size=3,
    ),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batch=st.lists(records, min_size=1, max_size=8))
def test_nothing_in_a_record_ends_the_consumer(either_ledger, batch):
    empty_all_tables()

    inbox.receive(batch)
    inbox.receive(batch)

    stored = {(row.partition, row.offset) for row in InboxEvent.objects.all()}
    ids = {_event_id(record) for record in batch}
    assert InboxEvent.objects.count() == len(ids)
    assert stored <= {(record.partition, record.offset) for record in batch}
    dead = InboxEvent.objects.filter(dead_at__isnull=False).count()
    assert OutboxEvent.objects.filter(topic=DEAD_LETTERS).count() == dead


def _event_id(record):
    try:
        return record.event().event_id
    except InvalidEvent:
        return record.derived_event_id
