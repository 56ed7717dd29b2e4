"""What the payment service tells of one life, its topics side by side: all ends as if in order."""

from collections import defaultdict

import pytest
from django.db import transaction
from django.utils import timezone

from customer_project.emails.models import Email
from customer_project.payments.models import Payment, PaymentEvent
from customer_project.subscriptions.models import Invoice, Subscription, SubscriptionEvent
from kafka_bridge.handlers import handled_event_classes, handler_of
from tests.shuffles import Chance, in_any_order
from tests.told import LIVES, TELLINGS, check_agrees, end, of_copy, side_by_side, telling

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
ASKED = ("amount", "currency", "correlation_id")
OUR_OWN = {"id", "customer_id", "created_at", "updated_at"}
"""What has another meaning or time here than in the payment service."""


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


def check_as_at_the_payment_service(rows):
    """What the first copy ends with is what the payment service has."""
    for table, row in rows:
        if table == "Payment":
            here = Payment.objects.values().get(id=row["id"])
            check_agrees(here, row, but=OUR_OWN)
            check_money_back([*here["refunds"], *here["disputes"]], rows)
        elif table == "Subscription":  # whose revision its invoices raise, too
            here = Subscription.objects.values().get(id=row["id"])
            check_agrees(here, row, but={*OUR_OWN, "revision"})
        elif table == "Invoice":
            here = Invoice.objects.values().get(id=f"{row['id']}~0")
            check_agrees(here, row, but=OUR_OWN)


def check_money_back(told, rows):
    """The customer sees each refund and each dispute."""
    here = {one.get("stripe_refund_id") or one["dispute_id"]: one for one in told}
    there = {
        row.get("stripe_refund_id") or row["id"]: row
        for table, row in rows
        if table in ("Refund", "Dispute")
    }
    assert here.keys() == there.keys()
    for key, row in there.items():
        check_agrees(here[key], row)


@pytest.mark.parametrize("number", range(TELLINGS))
@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize(
    "times",
    [15, pytest.param(420, marks=[pytest.mark.large, pytest.mark.timeout(600)])],
)
def test_topics_that_overtake_each_other_end_as_at_the_payment_service(ended, life, number, times):
    told = [event for event in telling(life, number) if type(event) in handled_event_classes()]

    def come(shuffles):
        with transaction.atomic():
            orders = [side_by_side(told, Chance(lots)) for lots in shuffles]
            ends = ended(
                [[of_copy(event, copy) for event in order] for copy, order in enumerate(orders)]
            )
            check_as_at_the_payment_service(end(life, number))
            transaction.set_rollback(True)
        for lots, other in zip(shuffles, ends, strict=True):
            assert other == ends[0], lots

    in_any_order(come, times=times, number=number)
