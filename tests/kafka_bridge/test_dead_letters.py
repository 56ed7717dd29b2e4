from io import StringIO
from uuid import uuid4

import orjson
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from kafka_bridge import dead_letters, inbox, selectors
from kafka_bridge.audit import COMMAND_LINE
from kafka_bridge.broker import (
    MAX_DEAD_LETTER_BYTES,
    MAX_RECORD_BYTES,
    BrokerProducer,
    create_topics,
)
from kafka_bridge.consumer import work_due_lanes
from kafka_bridge.errors import AlreadyReceived, EditRefused, InvalidEvent, NotDead
from kafka_bridge.models import InboxEvent, OutboxEvent
from kafka_bridge.records import OutgoingRecord
from tests.kafka_bridge.noted import DEAD_LETTERS, noted, record_of, record_with, value_with
from tests.kafka_bridge.topics import new_topic


def handle_all():
    while work_due_lanes():
        pass


@pytest.fixture
def operator():
    return User.objects.create(username="olga", is_staff=True)


@pytest.fixture
def refused(ledger):
    """Two events that their handler refused for good, and would take now."""
    ledger.refuse = lambda event: InvalidEvent(f"no {event.number}")
    inbox.receive([record_of(noted("c1", 1)), record_of(noted("c2", 2))])
    handle_all()
    ledger.refuse = lambda _event: None
    return list(InboxEvent.objects.order_by("pk"))


def broken(**fields):
    """An event that broke its contract."""
    inbox.receive([record_with(value_with(**fields))])
    return InboxEvent.objects.latest("pk")


def log():
    return list(LogEntry.objects.order_by("pk").values_list("user__username", "change_message"))


def test_traceback_tells_nothing_of_another_event(ledger):
    ledger.refuse = lambda event: RuntimeError(f"the secret of {event.customer_id}")
    inbox.receive([record_of(noted("ada", 1)), record_of(noted("grace", 2))])
    handle_all()

    tracebacks = dict(InboxEvent.objects.values_list("key", "traceback"))

    assert "secret of ada" in tracebacks["ada"]
    assert "secret of ada" not in tracebacks["grace"]
    assert "secret of grace" not in tracebacks["ada"]


class TestRetry:
    def test_handler_takes_it_now(self, ledger, refused, operator):
        assert dead_letters.retry(refused, by=operator) == (2, {})
        handle_all()

        assert ledger.by_key() == {"c1": [1], "c2": [2]}
        assert log() == [("olga", "Retried.")] * 2
        assert {event.attempts for event in InboxEvent.objects.all()} == {1}

    def test_it_comes_before_later_events_of_its_customer(self, ledger, refused, operator):
        ledger.refuse = lambda _event: ConnectionError()
        inbox.receive([record_of(noted("c1", 3))])
        ledger.refuse = lambda _event: None
        dead_letters.retry(refused[:1], by=operator)

        handle_all()

        assert ledger.numbers() == [1, 3]

    def test_what_is_not_dead_is_left_alone(self, refused, operator):
        dead_letters.retry(refused, by=operator)

        assert dead_letters.retry(refused, by=operator) == (0, {})
        handle_all()
        assert dead_letters.retry(refused, by=operator) == (0, {})

    def test_record_that_still_breaks_its_contract_stays_dead(self, ledger, operator):
        dead = broken(amount="x")

        retried = dead_letters.retry([dead], by=operator)

        assert retried.pending == 0
        assert "amount" in retried.refused[dead.event_id]
        assert InboxEvent.objects.get().dead_at is not None
        assert log() == []

    def test_record_that_a_new_contract_takes_becomes_an_event(self, ledger, operator):
        event = noted("c7", 7)
        dead = broken(amount="x")
        InboxEvent.objects.update(value=event.to_json())  # as if the contract had changed

        assert dead_letters.retry([dead], by=operator).pending == 1
        handle_all()

        assert ledger.by_key() == {"c7": [7]}
        row = InboxEvent.objects.get()
        assert (row.key, row.event_id) == ("c7", event.event_id)
        inbox.receive([record_of(event)])
        assert ledger.by_key() == {"c7": [7]}

    def test_event_that_came_in_another_record_is_not_taken_twice(self, ledger, operator):
        event = noted("c7", 7)
        dead = broken(amount="x")
        inbox.receive([record_of(event)])
        InboxEvent.objects.filter(pk=dead.pk).update(value=event.to_json())

        retried = dead_letters.retry([dead], by=operator)

        assert retried.pending == 0
        assert "discard" in retried.refused[dead.event_id]

    def test_many_at_once(self, ledger, operator):
        ledger.refuse = lambda _event: InvalidEvent("no")
        inbox.receive([record_of(noted(f"c{number}", number)) for number in range(1200)])
        handle_all()
        ledger.refuse = lambda _event: None

        assert dead_letters.retry(selectors.dead_letters(), by=operator).pending == 1200
        handle_all()

        assert len(ledger.by_key()) == 1200
        assert LogEntry.objects.count() == 1200


class TestEdit:
    def test_corrected_record_is_handled_and_the_change_logged(self, ledger, operator):
        dead = broken(amount=10.5, customerId="c9", number=9, strange="secret")
        value = value_with(amount=1050, customerId="c9", number=9)

        dead_letters.edit_and_retry(dead, value=value, by=operator)
        handle_all()

        assert ledger.by_key() == {"c9": [9]}
        row = InboxEvent.objects.get()
        assert bytes(row.original_value) == bytes(dead.value)
        assert bytes(row.value) == value
        ((who, what),) = log()
        assert who == "olga"
        assert "amount: •••••• → 1050" in what
        assert "secret" not in what

    def test_values_that_were_public_before_are_logged(self, refused, operator):
        content = orjson.loads(bytes(refused[0].value)) | {"number": 5}

        dead_letters.edit_and_retry(refused[0], value=orjson.dumps(content), by=operator)

        assert "number: 1 → 5" in log()[0][1]

    def test_value_must_keep_its_contract(self, ledger, operator):
        dead = broken(amount="x")

        with pytest.raises(InvalidEvent, match="amount"):
            dead_letters.edit_and_retry(dead, value=value_with(amount="y"), by=operator)

        row = InboxEvent.objects.get()
        assert bytes(row.value) == bytes(dead.value)
        assert row.original_value is None
        assert row.dead_at is not None
        assert log() == []

    @pytest.mark.parametrize("fields", [{"customerId": "other"}, {"eventId": str(uuid4())}])
    def test_event_stays_the_same_event(self, fields, refused, operator):
        content = orjson.loads(bytes(refused[0].value)) | fields

        with pytest.raises(EditRefused):
            dead_letters.edit_and_retry(refused[0], value=orjson.dumps(content), by=operator)

    def test_event_without_an_id_keeps_the_one_it_got(self, ledger, operator):
        ledger.refuse = lambda _event: InvalidEvent("no")
        content = orjson.loads(noted("c1", 1).to_json())
        del content["eventId"]
        record = record_with(orjson.dumps(content))
        inbox.receive([record])
        handle_all()
        ledger.refuse = lambda _event: None
        dead = InboxEvent.objects.get()

        value = orjson.dumps(content | {"number": 2})
        dead_letters.edit_and_retry(dead, value=value, by=operator)
        inbox.receive([record])
        handle_all()

        assert InboxEvent.objects.get().event_id == dead.event_id
        assert ledger.numbers() == [2]

    def test_value_of_an_event_that_was_received(self, ledger, operator):
        dead = broken(amount="x")
        event = noted("c7", 7)
        inbox.receive([record_of(event)])

        with pytest.raises(AlreadyReceived):
            dead_letters.edit_and_retry(dead, value=event.to_json(), by=operator)

    def test_somebody_was_faster(self, refused, operator):
        dead_letters.retry(refused, by=operator)

        with pytest.raises(NotDead):
            dead_letters.edit_and_retry(refused[0], value=bytes(refused[0].value), by=operator)


class TestDiscard:
    def test_counts_as_handled_with_its_reason(self, ledger, refused, operator):
        assert dead_letters.discard(refused, reason="a test order", by=operator) == 2
        handle_all()

        assert ledger.by_key() == {}
        row = InboxEvent.objects.first()
        assert row.error.startswith("discarded: a test order\nno ")
        assert (row.dead_at, row.handled_at is None) == (None, False)
        assert log() == [("olga", "Discarded: a test order")] * 2

    def test_needs_a_reason(self, refused, operator):
        with pytest.raises(ValueError, match="reason"):
            dead_letters.discard(refused, reason="  ", by=operator)

    def test_redelivered_record_stays_discarded(self, ledger, operator):
        record = record_with(b"no JSON")
        inbox.receive([record])
        dead_letters.discard(InboxEvent.objects.all(), reason="noise", by=operator)

        inbox.receive([record])

        assert not selectors.dead_letters().exists()


class TestGroups:
    def test_count_times_topics_and_example(self, ledger, refused):
        inbox.receive([record_with(b"no JSON")])

        latest, other = selectors.dead_letter_groups(selectors.dead_letters())

        assert (latest.events, other.events) == (1, 2)
        assert other.first_at < other.last_at < latest.last_at
        assert other.topics == ["webhook.processed"]
        assert other.example == refused[1]

    def test_limit(self, ledger, refused):
        inbox.receive([record_with(b"no JSON")])

        (group,) = selectors.dead_letter_groups(selectors.dead_letters(), limit=1)

        assert group.example.error_type == "InvalidEvent"


class TestCopies:
    def test_headers_tell_the_fingerprint(self, ledger):
        dead = broken(amount="x")

        assert OutboxEvent.objects.get().headers["dlq_fingerprint"] == dead.fingerprint

    def test_headers_that_are_too_large_stay_behind(self, ledger):
        inbox.receive([record_with(b"no", headers={"large": "x" * (MAX_RECORD_BYTES + 1)})])

        headers = OutboxEvent.objects.get().headers

        assert "large" not in headers
        assert "the inbox has them" in headers["dlq_headers_omitted"]

    def test_largest_copy_reaches_its_topic(self, ledger):
        note = {"note": "é" * (MAX_RECORD_BYTES // 2 - 10)}
        inbox.receive([record_with(b"x" * MAX_RECORD_BYTES, headers=note)])
        copy = OutboxEvent.objects.get()
        size = len(copy.value) + sum(len(f"{k}{v}".encode()) for k, v in copy.headers.items())
        assert 2 * MAX_RECORD_BYTES - 100 < size < MAX_DEAD_LETTER_BYTES - 10_000
        topic = f"tests.{uuid4()}.dlq"
        limit = {"max.message.bytes": str(MAX_DEAD_LETTER_BYTES)}
        create_topics([topic], partitions=1, replication=1, timeout=30, config=limit)

        record = OutgoingRecord(topic, copy.key, bytes(copy.value), copy.headers)
        BrokerProducer().produce([record], timeout=20)  # raises unless it arrives

        assert copy.topic == DEAD_LETTERS

    def test_largest_value_reaches_its_topic(self):
        record = OutgoingRecord(new_topic(), "c1", b"x" * MAX_RECORD_BYTES, {"a": "b" * 20_000})

        BrokerProducer().produce([record], timeout=20)


class TestCommand:
    def run(self, *arguments):
        out, err = StringIO(), StringIO()
        try:
            call_command("dead_letters", *arguments, stdout=out, stderr=err)
        finally:
            self.out, self.err = out.getvalue(), err.getvalue()
        return self.out

    def test_list_of_groups(self, refused):
        inbox.receive([record_with(b"no JSON")])

        lines = self.run("list").splitlines()

        assert len(lines) == 3
        assert lines[1].startswith(refused[0].fingerprint)
        assert "InvalidEvent: no <n>" in lines[1]
        assert lines[2] == "3 dead events in 2 groups"

    def test_list_of_a_groups_events(self, refused):
        lines = self.run("list", "--fingerprint", refused[0].fingerprint).splitlines()

        assert [line.split()[0] for line in lines] == [
            str(event.event_id) for event in reversed(refused)
        ]

    def test_show_masks_what_breaks_its_contract(self, ledger):
        dead = broken(amount="x", customerId="quimby")

        masked = self.run("show", "--event-id", str(dead.event_id))
        private = self.run("show", "--event-id", str(dead.event_id), "--private")

        assert '"amount": "••••••"' in masked
        assert "quimby" not in masked
        assert '"customerId": "quimby"' in private

    def test_retry(self, ledger, refused):
        out = self.run("retry", "--fingerprint", refused[0].fingerprint, "--yes")
        handle_all()

        assert out == "2 pending again\n"
        assert len(ledger.by_key()) == 2
        assert {who for who, _ in log()} == {COMMAND_LINE}
        assert "on the command line, as" in log()[0][1]
        assert not User.objects.get(username=COMMAND_LINE).is_active

    def test_retry_of_what_would_die_again(self, ledger):
        dead = broken(amount="x")

        with pytest.raises(CommandError, match="Edit them in Django admin"):
            self.run("retry", "--all", "--yes")

        assert f"{dead.event_id} would only die again: amount" in self.err

    def test_discard(self, refused):
        arguments = ["discard", "--topic", refused[0].topic, "--reason", "noise", "--yes"]

        assert self.run(*arguments) == "2 discarded\n"

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["retry"], "Give --fingerprint, --topic, --event-id, or --all"),
            (["show"], "Give --fingerprint"),
            (["discard", "--all", "--yes"], "Give --reason"),
            (["retry", "--all"], "This would retry 2 events. Add --yes"),
            (["retry", "--topic", "no.such", "--yes"], "No dead letter matches"),
            (["retry", "--event-id", "4711"], "invalid UUID"),
        ],
    )
    def test_errors_say_what_to_do(self, arguments, told, refused, monkeypatch):
        monkeypatch.setattr("sys.stdin", StringIO())

        with pytest.raises(CommandError, match=told):
            self.run(*arguments)

        assert selectors.dead_letters().count() == 2

    def test_it_asks_who_can_answer(self, refused, monkeypatch):
        terminal = StringIO("n\n")
        terminal.isatty = lambda: True
        monkeypatch.setattr("sys.stdin", terminal)

        with pytest.raises(CommandError, match="Nothing was done"):
            self.run("retry", "--all")
