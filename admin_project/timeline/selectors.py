"""Finding everything that belongs to an id, and what stands still."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet, Subquery, UUIDField
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from admin_project.analytics.models import PaymentFact
from admin_project.event_log.models import LoggedEvent
from admin_project.money import money
from admin_project.timeline.hops import DEAD, SLOW, Hop, clock, hop_of, written
from admin_project.timeline.models import Ask
from kafka_bridge.contracts import PaymentStatus, Topic
from kafka_bridge.models import InboxEvent

MOST_CORRELATIONS: Final = 20
MOST_HOPS: Final = 500

ANSWER_WITHIN: Final = timedelta(seconds=60)
STATUS_WITHIN: Final = {
    PaymentStatus.PROCESSING: timedelta(hours=1),
    PaymentStatus.REQUIRES_ACTION: timedelta(minutes=35),
    PaymentStatus.REQUIRES_CONFIRMATION: timedelta(minutes=35),
    PaymentStatus.REQUIRES_CAPTURE: timedelta(days=6, hours=1),
}
"""Longer than the payment service's own deadlines, which end a payment or ask Stripe about it."""
_DUNNING: Final = (PaymentStatus.REQUIRES_ACTION, PaymentStatus.REQUIRES_CONFIRMATION)
"""What a subscription's payment may be in for weeks: its dunning policy ends it."""


@dataclass(kw_only=True)
class Timeline:
    """The hops of what was found, the earliest first, and what is missing after them."""

    hops: list[Hop] = field(default_factory=list)
    silences: list[str] = field(default_factory=list)
    correlations: int = 0
    more: bool = False
    """There is more than is shown."""


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """What is not final after its deadline."""

    identifier: str
    """Finds its timeline."""
    hop: str
    """Where it stopped."""
    since: datetime
    deadline: datetime
    customer_id: str
    amount: str = ""


def timeline(text: str) -> Timeline:
    """Return all hops of the correlations that an id, or an e-mail address's hash, belongs to."""
    correlations = _correlations(text.strip())
    shown = correlations[:MOST_CORRELATIONS]
    events = list(
        LoggedEvent.objects.filter(correlation_id__in=shown).order_by("occurred_at")[
            : MOST_HOPS + 1
        ]
    )
    hops = [hop_of(event) for event in events[:MOST_HOPS]]
    hops = sorted([*hops, *_dead_here(shown)], key=lambda hop: hop.at)
    _measure(hops, {str(event.event_id): event.causation_id for event in events})
    return Timeline(
        hops=hops,
        silences=_silences(shown),
        correlations=len(shown),
        more=len(correlations) > len(shown) or len(events) > MOST_HOPS,
    )


def stuck(*, now: datetime | None = None, limit: int = 200) -> list[Stuck]:
    """Return what is not final after its deadline, what waits longest first."""
    now = now or timezone.now()
    found = [*_unanswered(now, limit), *_not_final(now, limit)]
    return sorted(found, key=lambda one: one.since)[:limit]


def _correlations(text: str) -> list[UUID]:
    if not text or len(text) > 255 or "\0" in text:  # noqa: PLR2004 - Identifier
        return []
    try:
        uuid = UUID(text)
    except ValueError:
        wanted = [Q(customer_id=text)]
    else:
        wanted = [Q(event_id=uuid), Q(correlation_id=uuid), Q(customer_id=text)]
        text = str(uuid)  # as contents have it, in whatever form it is asked for
    names_it = RawSQL("identifiers_in_event(content) @> ARRAY[%s]::text[]", [text], BooleanField())
    # One index each: an OR of them would read them all, or none.
    found: list[UUID] = []
    for rows in (
        *(LoggedEvent.objects.filter(one) for one in wanted),
        LoggedEvent.objects.filter(names_it),
    ):
        newest = rows.order_by("-occurred_at").values_list("correlation_id", flat=True)
        found += newest[: MOST_HOPS + 1]
    return list(dict.fromkeys(found))


def _dead_here(correlations: list[UUID]) -> list[Hop]:
    dead = InboxEvent.objects.filter(correlation_id__in=correlations, dead_at__isnull=False)
    return [
        Hop(
            at=row.received_at,
            service="admin",
            topic=row.topic,
            event_id=str(row.event_id),
            correlation_id=str(row.correlation_id),
            says=f"dead letter of this service: {row.error_type}",
            partition=row.partition,
            offset=row.offset,
            dead=True,
        )
        for row in dead.defer("value", "original_value", "headers", "traceback")[:MOST_HOPS]
    ]


def _measure(hops: list[Hop], causes: dict[str, UUID | None]) -> None:
    at = {hop.event_id: hop.at for hop in hops}
    before: Hop | None = None
    for hop in hops:
        hop.since = hop.at - before.at if before else None
        cause = at.get(str(causes.get(hop.event_id)))
        hop.slow = cause is not None and hop.at - cause > SLOW
        before = hop


def _silences(correlations: list[UUID]) -> list[str]:
    now = timezone.now()
    asks = LoggedEvent.objects.filter(
        event_id__in=_open_asks()
        .filter(
            event_id__in=LoggedEvent.objects.filter(correlation_id__in=correlations).values(
                "event_id"
            )
        )
        .values("event_id")
    )
    return [
        f"{event.topic} accepted {clock(event.occurred_at)}, nothing since"
        f" ({written(now - event.occurred_at)})"
        for event in asks.order_by("occurred_at")
    ]


def _open_asks() -> QuerySet[Ask]:
    """Return what was not answered, but for payments that are measured: their status tells.

    One asked for twice is answered once, and one whose request died may come from a webhook.
    """
    asked_for = LoggedEvent.objects.filter(
        event_id=OuterRef("event_id"), topic=Topic.STRIPE_PAYMENT_REQUEST
    ).annotate(payment_id=Cast(KT("content__paymentId"), UUIDField()))
    return (
        Ask.objects.filter(answered_at__isnull=True)
        .annotate(payment_id=Coalesce(Subquery(asked_for.values("payment_id")), F("event_id")))
        .exclude(Exists(PaymentFact.objects.filter(payment_id=OuterRef("payment_id"))))
    )


def _unanswered(now: datetime, limit: int) -> list[Stuck]:
    late = list(_open_asks().filter(asked_at__lt=now - ANSWER_WITHIN).order_by("asked_at")[:limit])
    died = {
        event.causation_id: f"dead letter of the {event.source}: {event.content.get('errorType')}"
        for event in LoggedEvent.objects.filter(
            correlation_id__in=[ask.correlation_id for ask in late], topic__endswith=DEAD
        )
    }
    return [
        Stuck(
            identifier=str(ask.event_id),
            hop=f"{ask.topic}: {died.get(ask.event_id, 'no answer')}",
            since=ask.asked_at,
            deadline=ask.asked_at + ANSWER_WITHIN,
            customer_id=ask.customer_id,
        )
        for ask in late
        if ask.asked_at
    ]


def _not_final(now: datetime, limit: int) -> list[Stuck]:
    overdue = Q()
    for status, within in STATUS_WITHIN.items():
        late = Q(status=status, measured_at__lt=now - within)
        overdue |= late & Q(payment_type="one_off") if status in _DUNNING else late
    # The statuses once more, as the index is of these alone.
    facts = PaymentFact.objects.filter(overdue, status__in=list(STATUS_WITHIN))
    return [
        Stuck(
            identifier=str(fact.payment_id),
            hop=f"payment.analytics: {fact.status}",
            since=fact.measured_at,
            deadline=fact.measured_at + STATUS_WITHIN[PaymentStatus(fact.status)],
            customer_id=fact.customer_id,
            amount=money(fact.amount, fact.currency),
        )
        for fact in facts.order_by("measured_at")[:limit]
    ]
