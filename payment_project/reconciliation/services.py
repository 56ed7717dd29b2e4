"""Finding what webhooks missed, and having it repaired in its own lane."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from kafka_bridge import database, outbox
from kafka_bridge.contracts import Event
from kafka_bridge.models import InboxEvent
from payment_project.payments.models import Payment
from payment_project.reconciliation import repairs, selectors
from payment_project.reconciliation.models import UNREPAIRABLE, Divergence, Run
from payment_project.reconciliation.selectors import Found
from payment_project.revisions import above_all_told
from payment_project.stripe_gateway.changes import (
    PartKind,
    PaymentSeen,
    event_now,
    events_since,
    part_now,
    parts_since,
    payment_now,
    payments_since,
    running_subscriptions_until,
    subscription_now,
    subscriptions_since,
)
from payment_project.stripe_gateway.client import Finish, calls_from_here
from payment_project.subscriptions.models import Subscription

T = TypeVar("T")

_ASK_AGAIN_AFTER: Final = timedelta(minutes=10)
_REPAIRS: Final = UUID("1f6f5a0e-0f1a-5d0d-9d0f-7265636f6e63")


def reconcile(*, since: datetime | None = None) -> Run:
    """Compare what happened at Stripe with what is known here, and publish what repairs it.

    It writes no payment: it publishes the webhooks that never came, and asks for another look at
    what is missing or otherwise. What it found earlier, and is older than what it reads now, is
    looked at one by one. With `since` all Subscriptions that run at Stripe are compared too: most
    are older than any run looks back. It may be killed at any time and run beside itself.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    run = Run.objects.create(started_at=database.now())
    moment = selectors.read_until(run.started_at)
    if since:
        moment = min(since, moment)  # what was not read yet is not passed over
    # What is younger may still be on its way.
    settled = run.started_at - timedelta(seconds=settings.RECONCILE_GRACE)
    with calls_from_here() as finish:
        for events in events_since(moment, finish=finish):
            old = [event for event in events if event["created"] <= settled.timestamp()]
            _settle(run, {event["id"]: event for event in old}, selectors.missed, repairs.webhook)
        for payments in payments_since(moment, finish=finish):
            ours = _ours(run, payments, settled)
            _settle(
                run,
                {one.payment_intent_id: one for one in ours},
                selectors.diverging_payments,
                repairs.payment,
            )
        older = running_subscriptions_until(moment, finish=finish) if since else ()
        for subscriptions in chain(subscriptions_since(moment, finish=finish), older):
            made_here = [one for one in subscriptions if one.origin]
            run.elsewhere_made += len(subscriptions) - len(made_here)
            _settle(
                run,
                {one.snapshot.stripe_subscription_id: one for one in made_here},
                selectors.diverging_subscriptions,
                repairs.subscription,
            )
        for kind, (diverging, repair) in _PARTS.items():
            for parts in parts_since(kind, moment, finish=finish):
                _settle(
                    run,
                    {one.object_id: one for one in parts if one.created_at <= settled},
                    diverging,
                    repair,
                )
        _look_again(run, finish)
    run.finished_at = timezone.now()
    run.save()
    return run


@transaction.atomic
def raise_revisions() -> tuple[int, int]:
    """Give payments and subscriptions revisions above all that was told; return how many.

    Rows of a backup would number what comes with revisions that other services know already, and
    take for old.
    """
    revision = above_all_told(database.now())
    payments = Payment.objects.filter(revision__lt=revision)
    subscriptions = Subscription.objects.filter(revision__lt=revision)
    return payments.update(revision=revision), subscriptions.update(revision=revision)


def _look_again(run: Run, finish: Finish) -> None:
    for kind, object_ids in selectors.open_before(run.started_at).items():
        now, diverging, repair = _ONE_BY_ONE[kind]
        seen = {object_id: finish(now(object_id)) for object_id in object_ids}
        _settle(run, {key: one for key, one in seen.items() if one}, diverging, repair)
        _resolve([object_id for object_id, one in seen.items() if not one])


_PARTS: Final[dict[PartKind, tuple[Callable[..., Found], Callable[..., Event]]]] = {
    "refund": (selectors.diverging_refunds, repairs.payment_of),
    "dispute": (selectors.diverging_disputes, repairs.payment_of),
    "invoice": (selectors.diverging_invoices, repairs.invoice),
}
"""How what a payment or subscription consists of is compared and repaired."""

_ONE_BY_ONE: Final[dict[str, tuple[Callable[[str], Any], Callable[..., Found], Any]]] = {
    "webhook": (event_now, selectors.missed, repairs.webhook),
    "payment": (payment_now, selectors.diverging_payments, repairs.payment),
    "subscription": (
        subscription_now,
        selectors.diverging_subscriptions,
        repairs.subscription,
    ),
    **{kind: (partial(part_now, kind), *compared) for kind, compared in _PARTS.items()},
}
"""How what is older is fetched, compared and repaired. What Stripe has no more is no divergence."""


def _ours(run: Run, seen: Sequence[PaymentSeen], settled: datetime) -> list[PaymentSeen]:
    ours = [one for one in seen if one.origin]
    run.elsewhere_made += len(seen) - len(ours)
    return [one for one in ours if one.origin and one.origin.created_at <= settled]


@transaction.atomic
def _settle(
    run: Run,
    seen: Mapping[str, T],
    diverging: Callable[[Sequence[T]], Found],
    repair: Callable[[T], Event],
) -> None:
    """Record and repair what diverges of a page, and note what does no more."""
    found = diverging(list(seen.values()))
    run.looked_at += len(seen)
    run.found += len(found)
    _resolve([object_id for object_id in seen if object_id not in found])
    asked = [row for row in _record(found) if row.kind not in UNREPAIRABLE]
    outbox.publish(*[_once(repair(seen[row.object_id]), row) for row in asked])


def _resolve(object_ids: Sequence[str]) -> None:
    still = Divergence.objects.filter(object_id__in=object_ids, resolved_at=None)
    still.update(resolved_at=timezone.now())


def _record(found: Found) -> list[Divergence]:
    """Record divergences. Returns those that nobody has asked to repair lately."""
    if not found:
        return []
    now = database.now()
    asked: list[Divergence] = []
    dead = _whose_repair_is_dead(found)
    for object_id in sorted(found):
        kind, detail = found[object_id]
        others = Divergence.objects.filter(object_id=object_id, resolved_at=None)
        others.exclude(kind=kind).update(resolved_at=now)
        row, is_new = Divergence.objects.get_or_create(
            kind=kind,
            object_id=object_id,
            defaults={"detail": detail, "found_at": now, "asked_at": now},
        )
        again = row.resolved_at is not None or (
            row.asked_at < now - _ASK_AGAIN_AFTER and row.pk not in dead
        )
        if not is_new and again:
            row.detail, row.asked_at, row.resolved_at = detail, now, None
            row.save()
        if is_new or again:
            asked.append(row)
    return asked


def _once(event: Event, row: Divergence) -> Any:
    """Give a repair the id of this attempt at it."""
    return event.model_copy(update={"event_id": _repair_id(row)})


def _repair_id(row: Divergence) -> UUID:
    return uuid5(_REPAIRS, f"{row.object_id}/{row.asked_at.isoformat()}")


def _whose_repair_is_dead(object_ids: Iterable[str]) -> set[int]:
    """Return the divergences that wait for an operator: another repair would only die as well."""
    still = Divergence.objects.filter(object_id__in=list(object_ids), resolved_at=None)
    repairs = {_repair_id(row): row.pk for row in still}
    dead = InboxEvent.objects.filter(event_id__in=list(repairs), dead_at__isnull=False)
    return {repairs[event_id] for event_id in dead.values_list("event_id", flat=True)}
