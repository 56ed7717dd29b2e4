"""What the payment service tells of one life, its topics side by side: all ends as if in order."""

import random
from collections import defaultdict

import pytest
from django.db import transaction
from django.utils import timezone

from customer_project.emails.models import Email
from customer_project.payments.models import Payment, PaymentEvent
from customer_project.subscriptions.models import Invoice, Subscription, SubscriptionEvent
from kafka_bridge.handlers import handled_event_classes, handler_of
from tests.told import LIVES, of_copy, side_by_side, tellings

pytestmark = pytest.mark.django_db

TABLES = (Payment, PaymentEvent, Subscription, SubscriptionEvent, Invoice, Email)
NOT_COMPARED = {
    "id",
    "event_id",
    "payment_id",
    "subscription_id",
    "invoice_id",
    "updated_at",
    "queued_at",
    "due_at",
    "changes",
}
"""Ids of its own, when it was noticed here, and in how many steps."""
OF_THE_WAY = {"revision", "created_at", "correlation_id"}
"""What depends on how often, and by which telling, the payment service told of a change."""
ASKED = ("amount", "currency", "correlation_id")
NOW = ("Payment", "Subscription", "Invoice")


@pytest.fixture
def ended(ada):
    """Tell copies of a life, each in an order of its own; return the rows of each at its end."""

    def ended(orders):
        first = [next(event for event in order if hasattr(event, "amount")) for order in orders]
        make = {"created_at": timezone.now(), "updated_at": timezone.now(), "customer": ada}
        for event in first:
            asked = {name: getattr(event, name) for name in ASKED}
            if hasattr(event, "payment_id"):
                Payment.objects.create(id=event.payment_id, **asked, **make)
            else:
                Subscription.objects.create(id=event.subscription_id, **asked, **make)
        for events in _waves(orders):
            batches = defaultdict(list)
            for event in events:
                batches[handler_of(type(event)).record].append(event)
            for record, batch in batches.items():
                with transaction.atomic():
                    record(batch)
        whose = {_of(event): number for number, event in enumerate(first)}
        rows = [defaultdict(list) for _ in orders]
        for model in TABLES:
            for row in model.objects.values():
                number = whose[row.get("payment_id") or row.get("subscription_id") or row["id"]]
                kept = {name: value for name, value in row.items() if name not in NOT_COMPARED}
                rows[number][model.__name__].append(kept)
        return [{name: sorted(some, key=str) for name, some in one.items()} for one in rows]

    return ended


def _of(event):
    return getattr(event, "payment_id", None) or event.subscription_id


def _waves(orders):
    for number in range(max(map(len, orders))):
        yield [order[number] for order in orders if number < len(order)]


def _for_us(events):
    return [event for event in events if type(event) in handled_event_classes()]


@pytest.mark.parametrize("life", LIVES)
def test_topics_that_overtake_each_other_end_as_in_order(life, ended):
    dice = random.Random(7)
    told = [_for_us(events) for events in tellings(life)]
    orders = []
    for events in told:
        orders += [events, *(side_by_side(events, dice) for _ in range(50))]

    ends = ended(
        [[of_copy(event, number) for event in order] for number, order in enumerate(orders)]
    )

    for number, end in enumerate(ends):
        assert end == ends[number - number % 51]
    now = [{name: _without_the_way(end[name]) for name in NOW if name in end} for end in ends]
    assert now == [now[0]] * len(now)


def _without_the_way(rows):
    kept = [{name: row[name] for name in row.keys() - OF_THE_WAY} for row in rows]
    return sorted([sorted(row.items()) for row in kept], key=str)
