"""Finding everything that belongs to an id, and what stands still."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet, Subquery, UUIDField
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from admin_project.analytics.models import PaymentFact, SubscriptionFact
from admin_project.event_log.models import LoggedEvent
from admin_project.money import money
from admin_project.timeline.consumed import consumed
from admin_project.timeline.hops import DEAD, SLOW, Hop, clock, hop_of, written
from admin_project.timeline.models import Ask
from kafka_bridge.contracts import PaymentStatus, SubscriptionStatus, Topic
from kafka_bridge.models import InboxEvent

MOST_CORRELATIONS: Final = 20
MOST_HOPS: Final = 500

ANSWER_WITHIN: Final = timedelta(seconds=60)
_OF_ALL: Final = {
    PaymentStatus.PROCESSING: timedelta(hours=1),
    PaymentStatus.REQUIRES_CAPTURE: timedelta(days=6, hours=1),
}
_OF_CUSTOMERS: Final = {
    PaymentStatus.REQUIRES_ACTION: timedelta(minutes=35),
    PaymentStatus.REQUIRES_CONFIRMATION: timedelta(minutes=35),
    PaymentStatus.REQUIRES_PAYMENT_METHOD: timedelta(hours=25),
}
"""Longer than the payment service's own deadlines, which end a payment or ask Stripe about it."""
INCOMPLETE_WITHIN: Final = timedelta(hours=24)
"""Stripe ends a subscription whose first payment is not made within 23 hours:
https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses"""
STATUS_WITHIN: Final = {
    "one_off": _OF_ALL | _OF_CUSTOMERS,
    "subscription_first": _OF_ALL | dict.fromkeys(_OF_CUSTOMERS, INCOMPLETE_WITHIN),
    "subscription_renewal": _OF_ALL,
}
"""By the payment's type. A renewal may wait for its customer until its dunning policy ends it."""


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
        silences=[*_silences(shown), *_not_final_among(events)],
        correlations=len(shown),
        more=len(correlations) > len(shown) or len(events) > MOST_HOPS,
    )


def stuck(
    *, now: datetime | None = None, limit: int = 200, ask_broker: bool = False
) -> list[Stuck]:
    """Return what is not final after its deadline, what waits longest first.

    With `ask_broker` it says of what was not answered whether it was consumed.
    """
    now = now or timezone.now()
    found = [*_unanswered(now, limit, ask_broker=ask_broker), *_not_final(now, limit)]
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
    found = LoggedEvent.objects.filter(
        event_id__in=_open_asks()
        .filter(
            event_id__in=LoggedEvent.objects.filter(correlation_id__in=correlations).values(
                "event_id"
            )
        )
        .values("event_id")
    )
    asks = list(found.order_by("occurred_at"))
    how_far = consumed(asks)
    return [
        f"{ask.topic} accepted {clock(ask.occurred_at)}, nothing since"
        f" ({written(now - ask.occurred_at)}){how_far.get(ask.event_id, '')}"
        for ask in asks
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


def _unanswered(now: datetime, limit: int, *, ask_broker: bool) -> list[Stuck]:
    late = list(_open_asks().filter(asked_at__lt=now - ANSWER_WITHIN).order_by("asked_at")[:limit])
    asks = LoggedEvent.objects.filter(event_id__in=[ask.event_id for ask in late])
    how_far = consumed(asks) if ask_broker else {}
    died = {
        event.causation_id: f"dead letter of the {event.source}: {event.content.get('errorType')}"
        for event in LoggedEvent.objects.filter(
            correlation_id__in=[ask.correlation_id for ask in late], topic__endswith=DEAD
        )
    }
    return [
        Stuck(
            identifier=str(ask.event_id),
            hop=f"{ask.topic}: "
            + died.get(ask.event_id, f"no answer{how_far.get(ask.event_id, '')}"),
            since=ask.asked_at,
            deadline=ask.asked_at + ANSWER_WITHIN,
            customer_id=ask.customer_id,
        )
        for ask in late
        if ask.asked_at
    ]


def _not_final(now: datetime, limit: int, among: Collection[str] | None = None) -> list[Stuck]:
    """Return payments and subscriptions, of all or those with the ids, after their deadlines."""
    overdue = Q()
    for payment_type, statuses in STATUS_WITHIN.items():
        for status, within in statuses.items():
            overdue |= Q(payment_type=payment_type, status=status, measured_at__lt=now - within)
    payments = PaymentFact.objects.filter(overdue).order_by("measured_at")
    subscriptions = SubscriptionFact.objects.filter(
        status=SubscriptionStatus.INCOMPLETE, changed_at__lt=now - INCOMPLETE_WITHIN
    ).order_by("changed_at")
    if among is not None:
        payments = payments.filter(payment_id__in=among)
        subscriptions = subscriptions.filter(subscription_id__in=among)
    return [
        *(
            Stuck(
                identifier=str(one.payment_id),
                hop=f"{Topic.PAYMENT_ANALYTICS}: {one.status}",
                since=one.measured_at,
                deadline=one.measured_at
                + STATUS_WITHIN[one.payment_type][PaymentStatus(one.status)],
                customer_id=one.customer_id,
                amount=money(one.amount, one.currency),
            )
            for one in payments[:limit]
        ),
        *(
            Stuck(
                identifier=str(one.subscription_id),
                hop=f"{Topic.SUBSCRIPTION_STATUS_UPDATED}: {one.status}",
                since=one.changed_at,
                deadline=one.changed_at + INCOMPLETE_WITHIN,
                customer_id=one.customer_id,
            )
            for one in subscriptions[:limit]
        ),
    ]


def _not_final_among(events: Collection[LoggedEvent]) -> Iterator[str]:
    """Say which of what the events tell of is not final after its deadline."""
    now = timezone.now()
    named = (
        event.content.get(name) for event in events for name in ("paymentId", "subscriptionId")
    )
    for one in _not_final(now, MOST_HOPS, among={id_ for id_ in named if id_}):
        yield f"{one.hop} at {clock(one.since)}, nothing since ({written(now - one.since)})"
