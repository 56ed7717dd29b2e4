from kafka_bridge.contracts import EVENT_CLASSES, Service
from kafka_bridge.handlers import handled_event_classes


class TestHandlers:
    def test_this_service_handles_what_the_topics_say_it_consumes(self):
        consumed = {
            event_class
            for event_class in EVENT_CLASSES.values()
            if Service.CUSTOMER in event_class.topic.consumers
        }

        assert set(handled_event_classes()) == consumed
