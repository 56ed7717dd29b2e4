"""Tracing: the correlation id is the trace id, over all services and back from Stripe.

Spans are OpenTelemetry's. They cost next to nothing until a process is started with an SDK, by
`opentelemetry-instrument` (docs/operations.md); the W3C `traceparent` of an event is always there.
"""

import contextlib
from collections.abc import Iterator
from typing import Final
from uuid import UUID

import structlog
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from kafka_bridge.contracts import Event
from kafka_bridge.contracts.base import new_event_id

_tracer: Final = trace.get_tracer("paybridge")

_SPAN_ID_BITS: Final = (1 << 64) - 1


def new_correlation_id() -> UUID:
    """Begin a correlation: on the trace of whoever called us, if they trace; else a new one."""
    current = trace.get_current_span().get_span_context()
    return UUID(int=current.trace_id) if current.is_valid else new_event_id()


def traceparent(event: Event) -> str:
    """Write the W3C trace context that the event's record carries.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    trace_id = (event.correlation_id or event.event_id).int
    current = trace.get_current_span().get_span_context()
    span_id = current.span_id if current.trace_id == trace_id else _span_id(event)
    return f"00-{trace_id:032x}-{span_id:016x}-01"


@contextlib.contextmanager
def handling(event: Event) -> Iterator[None]:
    """Trace and log what is done for the event as part of its correlation."""
    correlation_id = event.correlation_id or event.event_id
    parent = SpanContext(
        trace_id=correlation_id.int,
        span_id=_span_id(event),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    with (
        structlog.contextvars.bound_contextvars(
            event_id=str(event.event_id), correlation_id=str(correlation_id)
        ),
        _tracer.start_as_current_span(
            f"handle {event.topic}",
            context=trace.set_span_in_context(NonRecordingSpan(parent)),
            kind=SpanKind.CONSUMER,
            attributes={
                "messaging.system": "kafka",
                "messaging.destination.name": event.topic,
                "messaging.message.id": str(event.event_id),
            },
        ),
    ):
        yield


def _span_id(event: Event) -> int:
    # The random half of a UUIDv7, which is never 0: its highest bit is set.
    return event.event_id.int & _SPAN_ID_BITS
