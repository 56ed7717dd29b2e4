"""Events as they lie in outboxes, topics and inboxes once all of them have arrived."""

import itertools
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from devstack.chaos.poisons import FAULT, POISONED
from devstack.services import SERVICES
from devstack.topics import TopicRecord
from kafka_bridge.contracts import Topic

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
_POISON = b"{not JSON}"
_MARKS = {POISONED: "not JSON", FAULT: "value"}


def at(seconds):
    return START + timedelta(seconds=seconds)


class Published:
    """What the services published, and where it got to."""

    def __init__(self):
        self.outbox = {name: [] for name in SERVICES}
        self.inbox = {name: [] for name in SERVICES}
        self.topics = defaultdict(list)
        self.logged = []
        self._ids = itertools.count(1)

    def publish(self, topic, event_id, *, key, about="", **event):
        value = json.dumps({"eventId": event_id, **event}).encode()
        self.write(topic, topic.producers[0], event_id, key=key, about=about, value=value)
        offset = self.produce(topic, value, key=key)
        for service in topic.consumers:
            row = self.receive(service, topic, offset, event_id, about=about, value=value)
            row["handled_at"] = at(5)
            if service == "admin":
                self.log(topic, offset, event_id, value)

    def poison(self, topic):
        """Leave a bad record on a topic, dead at each service that reads it, and copied by each."""
        offset = self.produce(topic, _POISON, key="chaos", headers=_MARKS)
        for service in topic.consumers:
            dead, copied, copy = f"dead at {service}", f"copy of {service}", topic.dead_letter_topic
            row = self.receive(service, topic, offset, dead, about="", value=_POISON)
            row |= {"dead_at": at(5), "error_type": "InvalidEvent", "error": "value: not JSON"}
            self.write(copy, service, copied, key="chaos", about=dead, value=_POISON)
            headers = {
                **_MARKS,
                "dlq_error": "value: not JSON",
                "dlq_consumer": service,
                "dlq_partition": "0",
                "dlq_offset": str(offset),
            }
            place = self.produce(copy, _POISON, key="chaos", headers=headers)
            self.log(copy, place, copied, b"")

    def write(self, topic, service, event_id, *, key, about, value):
        row = {"id": next(self._ids), "event_id": event_id, "topic": topic, "key": key}
        row |= {"value": value, "correlation_id": about}
        self.outbox[service].append({**row, "created_at": at(4), "published_at": at(4)})

    def produce(self, topic, value, *, key, headers=None):
        offset = len(self.topics[topic])
        record = TopicRecord(
            partition=0, offset=offset, key=key.encode(), value=value, headers=headers or {}
        )
        self.topics[topic].append(record)
        return offset

    def receive(self, service, topic, offset, event_id, *, about, value):
        row = {"event_id": event_id, "topic": topic, "partition": 0, "offset": offset}
        row |= {"value": value, "correlation_id": about, "handled_at": None, "dead_at": None}
        self.inbox[service].append(row)
        return row

    def log(self, topic, offset, event_id, value):
        row = {"event_id": event_id, "topic": topic, "partition": 0, "offset": offset}
        self.logged.append({**row, "content": value.decode()})

    def lags(self):
        """What each service's `lag` command tells."""
        lags = {name: [] for name in SERVICES}
        for topic, records in self.topics.items():
            consumers = topic.consumers if isinstance(topic, Topic) else ("admin",)
            for service in consumers:
                lag = {"topic": topic, "partition": 0, "committed": len(records), "lag": 0}
                lags[service].append(lag)
        return lags
