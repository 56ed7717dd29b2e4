"""Which class a topic's records are of, and how a record becomes an event."""

import hashlib
import re
from typing import Final
from uuid import UUID, uuid5

from pydantic import ValidationError

from kafka_bridge.contracts.balance import BalanceCounted, BalanceTransactionRecorded
from kafka_bridge.contracts.base import Event
from kafka_bridge.contracts.cards import SavedCardUpdated
from kafka_bridge.contracts.payments import (
    CardPaymentAnswered,
    CardPaymentRequested,
    PaymentMeasured,
    PaymentStatusUpdated,
    PaymentUpdateRequested,
)
from kafka_bridge.contracts.subscriptions import (
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionRequested,
    SubscriptionStatusUpdated,
    SubscriptionUpdateRequested,
)
from kafka_bridge.contracts.topics import Topic
from kafka_bridge.contracts.webhooks import WebhookProcessed, WebhookReceived
from kafka_bridge.errors import InvalidEvent, UnknownTopic

EVENT_CLASSES: Final[dict[Topic, type[Event]]] = {
    event_class.topic: event_class
    for event_class in (
        CardPaymentRequested,
        PaymentUpdateRequested,
        SubscriptionRequested,
        SubscriptionUpdateRequested,
        WebhookReceived,
        CardPaymentAnswered,
        PaymentStatusUpdated,
        SavedCardUpdated,
        SubscriptionAnswered,
        SubscriptionStatusUpdated,
        SubscriptionPaymentUpdated,
        PaymentMeasured,
        BalanceTransactionRecorded,
        BalanceCounted,
        WebhookProcessed,
    )
}

_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

_RECORD_NAMESPACE: Final = UUID("6ba3a1b4-3d0e-5e2c-9f0a-70617962726b")


def event_id_of_record(*, topic: str, partition: int, offset: int, value: bytes | None) -> UUID:
    """Derive the event id of a record that names none: the same however often it is read.

    The value belongs to it: in a topic that was made anew, offsets begin again.
    """
    digest = hashlib.sha256(value or b"").hexdigest()
    return uuid5(_RECORD_NAMESPACE, f"{topic}/{partition}/{offset}/{digest}")


def decode(value: bytes | None, *, topic: str, partition: int, offset: int) -> Event:
    """Read a record's value as the event its topic holds.

    Raises:
        UnknownTopic: no contract is registered for the topic.
        InvalidEvent: the value is not JSON, or breaks the contract. The text names each field.
    """
    try:
        event_class = EVENT_CLASSES[Topic(topic)]
    except (KeyError, ValueError):
        raise UnknownTopic(f"no contract is registered for topic {topic}") from None
    try:
        event = event_class.model_validate_json(value or b"")
    except ValidationError as error:
        raise InvalidEvent(_describe(error)) from None
    if value and _holds_nul(value):
        raise InvalidEvent("value: a string holds the character U+0000")
    if "event_id" in event.model_fields_set:
        return event
    event_id = event_id_of_record(topic=topic, partition=partition, offset=offset, value=value)
    return event.model_copy(update={"event_id": event_id})


def _holds_nul(value: bytes) -> bool:
    # PostgreSQL stores it neither as text nor in jsonb. A plain look comes first: it costs nothing.
    return b"\\u0000" in value and _ESCAPED_NUL.search(value) is not None


def _describe(error: ValidationError) -> str:
    # The values stay out: they may be somebody's card or name.
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'value'}: {problem['msg']}"
        for problem in problems
    )
