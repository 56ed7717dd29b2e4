"""Records as they are read from topics and produced to them, whatever the client library."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from kafka_bridge.contracts import Event, decode, event_id_of_record


@dataclass(frozen=True, slots=True)
class Record:
    """A record read from a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]

    @property
    def derived_event_id(self) -> UUID:
        """The event id of a record that names none, or cannot be read."""
        return event_id_of_record(
            topic=self.topic, partition=self.partition, offset=self.offset, value=self.value
        )

    def event(self) -> Event:
        """Read the event that the record holds.

        Raises:
            UnknownTopic, InvalidEvent: see `decode`.
        """
        return decode(self.value, topic=self.topic, partition=self.partition, offset=self.offset)


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A record to be produced."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str]
