import json

import pytest

from admin_project.event_log.handlers import log_events
from admin_project.event_log.models import LoggedEvent
from kafka_bridge.contracts import EVENT_CLASSES, Service
from kafka_bridge.handlers import handler_of
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
        for private in ("ada@", "Ada", "private words", "secret_words", "https://bank"):
            assert private not in content
        assert LoggedEvent.objects.get().content["amount"] == 1999

    def test_a_repetition_is_logged_once(self):
        event = requested()

        log_events([event])
        log_events([event, requested()])

        assert LoggedEvent.objects.count() == 2

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
