"""Dead letters as text, for the command line."""

from collections.abc import Iterator

from django.db.models import QuerySet

from kafka_bridge import audit, fingerprints, payloads, selectors
from kafka_bridge.models import InboxEvent


def summary_lines(
    found: QuerySet[InboxEvent], *, by_event: bool, private: bool = False
) -> Iterator[str]:
    """Write a line for each group of dead events, or for each event; private data if `private`."""
    if by_event:
        for event in found.defer(*selectors.LARGE_FIELDS).iterator():
            error = _error(event, private=private)
            when = f"{event.dead_at:%Y-%m-%d %H:%M:%S}"
            yield f"{event.event_id}  {when}  {event.topic}  key {event.key or '-'}  {error}"
        return
    groups = selectors.dead_letter_groups(found)
    for group in groups:
        name = group.fingerprint or "-"
        first, last = f"{group.first_at:%Y-%m-%d %H:%M:%S}", f"{group.last_at:%Y-%m-%d %H:%M:%S}"
        error = _error(group.example, private=private)
        yield f"{name:16}  {group.events:>6}  {first} to {last}  {','.join(group.topics)}  {error}"
    yield f"{sum(group.events for group in groups)} dead events in {len(groups)} groups"


def describe(event: InboxEvent, *, private: bool) -> str:
    """Write everything about a dead event; private data if `private`."""
    trace = event.traceback
    value = None if event.value is None else bytes(event.value)
    headers = payloads.visible_headers(event.headers, private=private)
    lines = [
        f"event id        {event.event_id}",
        f"topic           {event.topic}, partition {event.partition}, offset {event.offset}",
        f"key             {event.key or '- (it could not be read)'}",
        f"correlation id  {event.correlation_id}",
        f"fingerprint     {event.fingerprint or '-'}",
        f"received        {event.received_at.isoformat()}",
        f"died            {event.dead_at.isoformat() if event.dead_at else '-'}",
        f"attempts        {event.attempts}",
        f"error           {_error(event, private=private)}",
        *(f"header          {name}: {text}" for name, text in headers.items()),
        *(
            f"done            {entry.action_time.isoformat()} {entry.user.get_username()}: "
            f"{entry.get_change_message()}"
            for entry in audit.entries_of(event)
        ),
        "",
        payloads.pretty(value, topic=event.topic, private=private),
        "",
        trace if private else fingerprints.traceback_without_values(trace),
    ]
    return "\n".join(lines)


def _error(event: InboxEvent, *, private: bool) -> str:
    text = event.error if private else fingerprints.without_values(event.error)
    return f"{event.error_type}: {text}"
