"""An event as a hop of its way: where it was, how long it took, and what it says."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from admin_project.event_log.models import LoggedEvent
from admin_project.money import money

SLOW: Final = timedelta(seconds=5)
"""Between a cause and its effect, without anybody who has to do something."""

DEAD: Final = ".dlq"
"""How the topics of dead letters end."""

_SERVICES: Final = {"customer-service": "customer", "payment-service": "payment"}
_TOLD: Final = (
    *("action", "errorType", "status", "declineCode", "errorCode", "error", "refused", "outcome"),
    *("webhookEventType", "webhookEventId", "reason", "type"),
)


@dataclass(kw_only=True)
class Hop:
    """One row of a timeline."""

    at: datetime
    service: str
    topic: str
    event_id: str
    correlation_id: str
    says: str
    partition: int | None = None
    offset: int | None = None
    seen_after: timedelta | None = None
    """How long after it happened it was stored here."""
    since: timedelta | None = None
    """Since the hop before."""
    slow: bool = False
    dead: bool = False

    @property
    def where(self) -> str:
        """Where its record is in Kafka."""
        return "" if self.partition is None else f"{self.partition} / {self.offset}"


def hop_of(event: LoggedEvent) -> Hop:
    """Return an event's hop."""
    return Hop(
        at=event.occurred_at,
        service=_SERVICES.get(event.source, event.source),
        topic=event.topic,
        event_id=str(event.event_id),
        correlation_id=str(event.correlation_id),
        says=_says(event.content),
        partition=event.partition,
        offset=event.offset,
        seen_after=event.received_at - event.occurred_at if event.received_at else None,
        dead=event.topic.endswith(DEAD),
    )


def clock(at: datetime) -> str:
    """Write a time of day to the millisecond."""
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def written(duration: timedelta) -> str:
    """Write how long something took, in the two largest units that say something."""
    seconds = duration.total_seconds()
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    counts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next(number for number, (count, _) in enumerate(counts) if count)
    return " ".join(f"{count} {unit}" for count, unit in counts[first : first + 2] if count)


def _says(content: dict[str, Any]) -> str:
    words = [str(content[name]) for name in _TOLD if content.get(name)]
    if isinstance(content.get("amount"), int) and content.get("currency"):
        words.append(money(content["amount"], content["currency"]))
    if content.get("revision"):
        words.append(f"revision {content['revision']}")
    return " · ".join(dict.fromkeys(words))
