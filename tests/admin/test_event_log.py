import json
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from admin_project.event_log.handlers import log_events
from admin_project.event_log.models import LoggedEvent
from kafka_bridge.contracts import EVENT_CLASSES, CustomerInfo, Service, Topic
from kafka_bridge.handlers import consumed_topics, handler_of
from kafka_bridge.inbox import receive
from kafka_bridge.models import InboxEvent
from kafka_bridge.records import Record
from tests.admin.conftest import answered, measured, requested


@pytest.mark.django_db
class TestLog:
    def test_an_event_is_found_by_all_its_ids(self):
        request = requested()
        event = answered(correlation_id=request.event_id, causation_id=request.event_id)

        log_events([event])

        logged = LoggedEvent.objects.get()
        assert logged.event_id == event.event_id
        assert logged.topic == "payment.card.result"
        assert logged.customer_id == "c1"
        assert logged.correlation_id == logged.causation_id == request.event_id
        assert logged.source == "payment-service"
        assert logged.occurred_at == event.timestamp

    def test_an_event_that_began_it_all_is_its_own_correlation(self):
        event = requested()

        log_events([event])

        assert LoggedEvent.objects.get().correlation_id == event.event_id

    @pytest.mark.parametrize("event", [requested(), answered()], ids=lambda e: type(e).__name__)
    def test_what_is_private_is_left_out(self, event):
        log_events([event])

        content = json.dumps(LoggedEvent.objects.get().content)
        for private in ("ada@", "Ada", "private words", "secret_words", "https://"):
            assert private not in content
        assert LoggedEvent.objects.get().content["amount"] == 1999

    def test_a_repetition_is_logged_once(self):
        event = requested()

        log_events([event])
        log_events([event, requested()])

        assert LoggedEvent.objects.count() == 2

    def test_nobody_without_an_email_address_has_its_hash(self):
        log_events([requested(customer_info=CustomerInfo(email=" "))])

        assert "emailHash" not in LoggedEvent.objects.get().content

    @pytest.mark.parametrize(
        "attempt", [lambda rows: rows.update(topic="x"), lambda rows: rows.delete()]
    )
    def test_nothing_in_it_is_changed_or_deleted(self, attempt):
        log_events([requested()])

        with pytest.raises(IntegrityError, match="append only"), transaction.atomic():
            attempt(LoggedEvent.objects.all())

        assert LoggedEvent.objects.get().topic == "stripe.payment.request"

    def test_it_is_not_emptied_at_once(self):
        log_events([requested()])

        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE event_log_loggedevent ENABLE TRIGGER not_truncated")
            with pytest.raises(IntegrityError, match="append only"), transaction.atomic():
                cursor.execute("TRUNCATE event_log_loggedevent")

    def test_what_came_first_stays(self):
        event = requested()
        log_events([event])

        log_events([event.model_copy(update={"amount": 1})])

        assert LoggedEvent.objects.get().content["amount"] == 1999


@pytest.mark.django_db
class TestEverything:
    def test_every_event_that_comes_here_is_logged(self):
        for event in (requested(), answered(), measured()):
            handler_of(type(event)).record([event])

        assert LoggedEvent.objects.count() == 3

    def test_every_contract_for_this_service_has_a_handler(self):
        for event_class in EVENT_CLASSES.values():
            if Service.ADMIN in event_class.topic.consumers:
                handler_of(event_class)


@pytest.mark.django_db
class TestDeadLetters:
    def letter(self, value=b'{"customerInfo": {"name": "Ada"}}', offset=7, **headers):
        return Record("stripe.payment.request.dlq", 2, offset, b"c1", value, headers)

    def told(self, event_id, error_type="InvalidEvent", **headers):
        return {
            "dlq_event_id": str(event_id),
            "dlq_consumer": "payment",
            "dlq_error_type": error_type,
            "dlq_error": "amount: Input should be a valid integer",
            "dlq_topic": "stripe.payment.request",
            "dlq_offset": "41",
            **headers,
        }

    def test_what_died_and_why_is_logged_without_what_it_holds(self):
        request = requested(correlation_id=uuid4())
        log_events([request])

        receive([self.letter(**self.told(request.event_id))])

        letter = LoggedEvent.objects.get(topic__endswith=".dlq")
        assert (letter.topic, letter.partition, letter.offset) == (
            "stripe.payment.request.dlq",
            2,
            7,
        )
        assert (letter.correlation_id, letter.causation_id) == (
            request.correlation_id,
            request.event_id,
        )
        assert (letter.source, letter.customer_id) == ("payment-service", "c1")
        assert letter.content["error"] == "amount: Input should be a valid integer"
        assert letter.content["offset"] == "41"
        assert "Ada" not in json.dumps(letter.content)
        assert not InboxEvent.objects.exists()

    def test_the_words_of_an_unexpected_failure_may_be_private(self):
        receive([self.letter(**self.told(uuid4(), error_type="ValueError"))])

        letter = LoggedEvent.objects.get()
        assert letter.content["errorType"] == "ValueError"
        assert "error" not in letter.content

    def test_repetitions_are_logged_once(self):
        letter = self.letter(**self.told(uuid4()))

        receive([letter, self.letter(offset=8)])
        receive([letter])

        assert LoggedEvent.objects.count() == 2

    @pytest.mark.parametrize(
        "headers",
        [{}, {"dlq_event_id": "x\x00"}, {"dlq_consumer": "y" * 999, "dlq_topic": "\ud800"}],
    )
    @pytest.mark.parametrize("value", [None, b"\xff\x00", b"{}"])
    def test_whatever_is_on_a_dead_letter_topic_is_taken(self, headers, value):
        receive([Record("stripe.payment.request.dlq", 0, 1, b"\xff\x00" * 999, value, headers)])

        assert LoggedEvent.objects.count() == 1

    def test_every_dead_letter_topic_is_consumed(self):
        assert {topic.dead_letter_topic for topic in Topic} <= set(consumed_topics())


@pytest.mark.django_db
class TestCoordinates:
    def test_an_event_is_logged_with_where_its_record_was(self):
        event = measured()

        receive([Record("payment.analytics", 3, 17, b"c1", event.to_json(), {})])

        logged = LoggedEvent.objects.get()
        assert (logged.partition, logged.offset) == (3, 17)
        assert logged.received_at is not None
