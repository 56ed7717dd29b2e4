"""What the payment service tells of one life, its topics side by side: counted as if in order."""

import random
from collections import defaultdict

import pytest
from django.db import transaction

from admin_project.analytics.models import (
    InvoiceFact,
    MrrMovement,
    PaymentAggregate,
    PaymentFact,
    SubscriptionFact,
    SubscriptionStep,
)
from admin_project.analytics.services import RECORDED
from kafka_bridge.handlers import handler_of
from tests.told import LIVES, of_copy, side_by_side, tellings

pytestmark = pytest.mark.django_db

FACTS = (PaymentFact, SubscriptionFact, SubscriptionStep, MrrMovement, InvoiceFact)
OF_THE_COPY = {"id", "payment_id", "subscription_id", "invoice_id", "event_id"}
MEASURES = ("count", "amount", "captured", "refunded", "refunds", "disputes")
COPIES = 20


def count(orders):
    """Have events counted: of each order the first, then the second, and so on."""
    for number in range(max(map(len, orders))):
        batches = defaultdict(list)
        for order in orders:
            for event in order[number : number + 1]:
                batches[handler_of(type(event)).record].append(event)
        for record, batch in batches.items():
            with transaction.atomic():
                record(batch)


def facts(whose):
    """Return the facts of each copy."""
    found = [defaultdict(list) for _ in set(whose.values())]
    for model in FACTS:
        for row in model.objects.values():
            kept = {name: value for name, value in row.items() if name not in OF_THE_COPY}
            number = whose[row.get("subscription_id") or row["payment_id"]]
            found[number][model.__name__].append(kept)
    return [{name: sorted(rows, key=str) for name, rows in one.items()} for one in found]


def sums():
    """Return what all sums add up to, by what they are of."""
    return {
        str([value for name, value in sorted(row.items()) if name not in MEASURES]): [
            row[name] for name in MEASURES
        ]
        for row in PaymentAggregate.objects.values()
    }


@pytest.mark.parametrize("telling", range(4))
@pytest.mark.parametrize("life", LIVES)
def test_topics_that_overtake_each_other_are_counted_as_in_order(life, telling):
    dice = random.Random(telling)
    told = [event for event in tellings(life)[telling] if type(event) in RECORDED]
    orders = [told, *(side_by_side(told, dice) for _ in range(COPIES))]
    copies = [[of_copy(event, n) for event in order] for n, order in enumerate(orders)]
    whose = {_of(event): number for number, copy in enumerate(copies) for event in copy}

    count(copies[:1])
    once = sums()
    count(copies[1:])

    in_order, *others = facts(whose)
    assert all(in_order)
    for other in others:
        assert other == in_order
    assert sums() == {key: [one * len(copies) for one in all_] for key, all_ in once.items()}


def _of(event):
    return getattr(event, "subscription_id", None) or event.payment_id
