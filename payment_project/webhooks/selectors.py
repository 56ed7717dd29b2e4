"""Reading what became of webhooks."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from payment_project.subscriptions.models import Subscription
from payment_project.webhooks.models import WebhookEvent


def processed_among(webhook_event_ids: Iterable[str]) -> set[str]:
    """Return which of Stripe's events are done with."""
    found = WebhookEvent.objects.filter(id__in=list(webhook_event_ids)).exclude(outcome="failed")
    return set(found.values_list("id", flat=True))


def known_among(webhook_event_ids: Iterable[str]) -> set[str]:
    """Return which of Stripe's events are done with, or were given up by an operator."""
    found = WebhookEvent.objects.filter(id__in=list(webhook_event_ids))
    return set(found.values_list("id", flat=True))


def waiting_for_setup(setup_intent_id: str) -> list[Subscription]:
    """Return the subscriptions that wait for a SetupIntent."""
    return list(Subscription.objects.filter(setup_intent_id=setup_intent_id))


def paid_with(payment_method_id: str) -> list[Subscription]:
    """Return the subscriptions that a card pays for."""
    return list(
        Subscription.objects.filter(payment_method_id=payment_method_id).exclude(
            status__in=("canceled", "incomplete_expired", "failed")
        )
    )


def outcomes_of_a_day() -> dict[str, int]:
    """Count the webhooks of the last 24 hours by outcome."""
    since = timezone.now() - timedelta(days=1)
    recent = WebhookEvent.objects.filter(processed_at__gte=since)
    return dict(recent.values_list("outcome").annotate(Count("id")).order_by("outcome"))
