"""What the payment service tells of one life, its topics side by side: counted as if in order."""

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
from tests.shuffles import Chance, in_any_order
from tests.told import LIVES, TELLINGS, check_agrees, end, of_copy, side_by_side, telling

pytestmark = pytest.mark.django_db

FACTS = (PaymentFact, SubscriptionFact, SubscriptionStep, MrrMovement, InvoiceFact)
OF_THE_COPY = {"id", "payment_id", "subscription_id", "invoice_id", "event_id"}
MEASURES = ("count", "amount", "captured", "refunded", "refunds", "disputes")


def count(orders):
    """Have events counted: of each order the first, then the second, and so on."""
    for number in range(max(map(len, orders), default=0)):
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


def check_as_at_the_payment_service(rows):
    """What the first copy ends with is what the payment service has."""
    for table, row in rows:
        if table == "Payment":
            fact = PaymentFact.objects.values().get(payment_id=row["id"])
            check_agrees(fact, row, captured="amount_captured", refunded="amount_refunded")
        elif table == "Subscription":  # whose revision its invoices raise, too
            fact = SubscriptionFact.objects.values().get(subscription_id=row["id"])
            check_agrees(fact, row, but={"revision"}, plan="subscription_plan_id")
        elif table == "Invoice":
            fact = InvoiceFact.objects.values().get(invoice_id=f"{row['id']}~0")
            check_agrees(fact, row)


@pytest.mark.parametrize("number", range(TELLINGS))
@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize(
    "times",
    [15, pytest.param(420, marks=[pytest.mark.large, pytest.mark.timeout(600)])],
)
def test_topics_that_overtake_each_other_are_counted_as_at_the_payment_service(life, number, times):
    told = [event for event in telling(life, number) if type(event) in RECORDED]

    def come(shuffles):
        orders = [side_by_side(told, Chance(lots)) for lots in shuffles]
        copies = [[of_copy(event, n) for event in order] for n, order in enumerate(orders)]
        whose = {_of(event): number for number, copy in enumerate(copies) for event in copy}
        with transaction.atomic():
            count(copies[:1])
            once = sums()
            check_as_at_the_payment_service(end(life, number))
            count(copies[1:])
            all_facts, all_sums = facts(whose), sums()
            transaction.set_rollback(True)
        assert all(all_facts[0])
        for lots, other in zip(shuffles, all_facts, strict=True):
            assert other == all_facts[0], lots
        assert all_sums == {key: [one * len(copies) for one in some] for key, some in once.items()}

    in_any_order(come, times=times, number=number)


def _of(event):
    return getattr(event, "subscription_id", None) or event.payment_id
