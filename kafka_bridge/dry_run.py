"""Dry run: what a handler would do with an event, in a transaction that is rolled back."""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Max

from kafka_bridge.contracts import decode
from kafka_bridge.errors import CallsOut
from kafka_bridge.handlers import Handler, handled_event_classes, handler_of
from kafka_bridge.models import InboxEvent, OutboxEvent

_LIMITS: Final = "SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '5s'"
"""An operator waits no longer, and neither does whoever waits for this transaction's locks."""

_WRITE: Final = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)\"?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Write:
    """A statement that writes."""

    kind: str
    table: str
    rows: int
    """As PostgreSQL counts them; -1 if it does not."""


@dataclass(slots=True)
class DryRun:
    """What a handler did before it was undone."""

    handler: str
    writes: list[Write] = field(default_factory=list)
    published: list[OutboxEvent] = field(default_factory=list)
    """Events it would have published for this customer."""
    traceback: str = ""
    """Empty if the handler did not fail."""


def dry_run(dead: InboxEvent) -> DryRun:
    """Run an event's handler and take everything back.

    Raises:
        CallsOut: the handler calls another system; nothing was run.
        CannotBeHandled: the event breaks its contract, or nothing handles it; nothing was run.
    """
    event = decode(
        None if dead.value is None else bytes(dead.value),
        topic=dead.topic,
        partition=dead.partition,
        offset=dead.offset,
    )
    handler = handler_of(type(event))
    if handler.call:
        raise CallsOut(f"{_name(handler)} calls another system, which no rollback undoes")
    result = DryRun(_name(handler))
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_LIMITS)
            before = OutboxEvent.objects.aggregate(last=Max("pk"))["last"] or 0
            with connection.execute_wrapper(_note_writes(result.writes)):
                handler.record([event])
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            result.published = list(
                OutboxEvent.objects.filter(pk__gt=before, key=event.customer_id).order_by("pk")
            )
            transaction.set_rollback(True)
    except Exception as error:  # noqa: BLE001 - to show it is what this is for
        result.traceback = "".join(traceback.format_exception(error))
    return result


def calls_out(topic: str) -> bool:
    """Tell whether the handler of a topic's events, if it has one, calls another system."""
    for event_class in handled_event_classes():
        if event_class.topic == topic:
            return handler_of(event_class).call is not None
    return False


def _name(handler: Handler) -> str:
    return f"{handler.record.__module__}.{handler.record.__qualname__}"


def _note_writes(writes: list[Write]) -> Callable[..., Any]:
    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if found := _WRITE.match(str(sql)):
            writes.append(Write(found[1].upper(), found[2], context["cursor"].rowcount))
        return result

    return note
