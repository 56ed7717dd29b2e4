"""Webhooks in any order, any number of times, read at any moment: all ends as it does in order."""

import asyncio
from collections import defaultdict

import pytest
from django.db import connection, transaction

from kafka_bridge.contracts import Topic, decode
from kafka_bridge.database import close_reader
from kafka_bridge.handlers import handler_of
from kafka_bridge.models import OutboxEvent
from payment_project.customers.models import SavedCard
from payment_project.payments.models import Dispute, Payment, Refund
from payment_project.subscriptions.models import EarlyMoneyBack, Invoice, Subscription
from payment_project.webhooks.models import WebhookEvent
from tests.payment.any_order import Relived
from tests.payment.conftest import WEBHOOK_SECRET
from tests.payment.copies import number_in, original
from tests.payment.lives import disputed, given_up, recovered
from tests.payment.subscribing import Clock
from tests.shuffles import in_any_order
from tests.told import TELLINGS, end, in_figures, in_short, is_recorded, record, telling

pytestmark = pytest.mark.django_db(transaction=True)  # what is read is read in another thread

TABLES = (Payment, Refund, Dispute, Subscription, Invoice, EarlyMoneyBack, SavedCard)
OF_THE_WAY = {
    Payment: {"revision", "created_at", "updated_at"},
    Refund: {"id"},  # made of Stripe's, which is another in each copy
    Subscription: {"revision", "created_at", "updated_at"},
    Invoice: {"revision", "money_back_read_at"},
    SavedCard: {"revision", "created_at"},
}
"""How often something changed on the way, and when that was noticed."""
FOR_US = (Topic.STRIPE_PAYMENT_UPDATE, Topic.STRIPE_SUBSCRIPTION_UPDATE)
TOLD = {
    Topic.PAYMENT_CARD_RESULT: (Payment, "payment_id"),
    Topic.PAYMENT_STATUS_UPDATED: (Payment, "payment_id"),
    Topic.PAYMENT_SETUP_RESULT: (Subscription, "subscription_id"),
    Topic.SUBSCRIPTION_STATUS_UPDATED: (Subscription, "subscription_id"),
    Topic.SUBSCRIPTION_PAYMENT_UPDATED: (Invoice, "invoice_id"),
}
NOT_TOLD = {"revision", "created_at", "correlation_id", "customer_id"}
IN_SHORT = ("Payment", "Subscription")


@pytest.fixture(autouse=True)
def _read_at_any_time(settings):
    settings.STRIPE_WEBHOOK_SECRETS = [WEBHOOK_SECRET]
    settings.WEBHOOK_READ_INTERVAL = 0
    yield
    close_reader()


@pytest.fixture
def clock(at_stripe):
    return Clock(at_stripe, days_ago=75)


class Service:
    """This service, as many customers at once have it."""

    def __init__(self, run):
        self._run, self._seen = run, 0

    def serve(self, lives):
        """Let lives take their course, a turn of each at a time."""
        living = {life.copy.number: life for life in lives}
        while turns := {
            number: turn for number, life in living.items() if (turn := life.next_turn())
        }:
            living = {number: living[number] for number in turns}
            done = [number for number, turn in turns.items() if turn.answer is not None]
            begun = [(living[number], turns[number]) for number in turns.keys() - set(done)]
            self._run(_all(life.ask(turn) for life, turn in begun))
            self._record([living[number].answered(turns[number]) for number in done])
            for event in self._passed_on():
                living[number_in([event.customer_id])].passed_on(event)

    def _record(self, done):
        batches = defaultdict(list)
        for answered in done:
            batches[type(answered.event)].append(answered)
        for event_class, batch in batches.items():
            with transaction.atomic():
                handler_of(event_class).record(batch)

    def _passed_on(self):
        rows = list(OutboxEvent.objects.filter(id__gt=self._seen, topic__in=FOR_US).order_by("id"))
        self._seen = rows[-1].id if rows else self._seen
        return [_event(row) for row in rows]


async def _all(calls):
    await asyncio.gather(*calls)


def _event(row):
    return decode(bytes(row.value), topic=row.topic, partition=0, offset=0)


def rows():
    """Return the rows that each copy has at its end, each with its table."""
    found = defaultdict(list)
    for model in TABLES:
        for row in model.objects.values():
            found[number_in(row.values())].append((model, row))
    return found


def end_of(number, found):
    """Return the rows of a copy with the original's ids, and without what depends on the way."""
    all_kept = {}
    for model, row in found:
        names = row.keys() - OF_THE_WAY.get(model, set())
        kept = {name: original(row[name], number) for name in names}
        all_kept[model.__name__, str(sorted(kept.items()))] = kept
    return all_kept


def difference(one, other):
    """Return what is at one end, and not at the other."""
    return [one[key] for key in sorted(one.keys() - other.keys())]


def check_told():
    """Each change was told with a higher revision, and the last one tells what is recorded."""
    last = {}
    for row in OutboxEvent.objects.filter(topic__in=TOLD).order_by("id"):
        event, (model, name) = _event(row), TOLD[row.topic]
        key = (model, getattr(event, name))
        if key in last and last[key].topic != Topic.PAYMENT_SETUP_RESULT:  # which is told twice
            assert last[key].revision < event.revision
        last[key] = event
    for model in (Payment, Subscription, Invoice):
        for row in model.objects.all():
            told = last[model, row.pk]
            if model is not Subscription:  # whose revision its invoices raise, too
                assert told.revision == row.revision
            names = {field.attname for field in row._meta.concrete_fields} - NOT_TOLD
            for name in names & set(type(told).model_fields):
                assert (_plain(getattr(told, name)) or None) == (getattr(row, name) or None), name


def check_told_of_cards():
    """The same, of cards: only changes are told, so of most there is nothing."""
    last = {}
    for row in OutboxEvent.objects.filter(topic=Topic.PAYMENT_METHOD_UPDATED).order_by("id"):
        told = _event(row)
        before = last.get(told.card.payment_method_id)
        assert before is None or before.revision < told.revision
        last[told.card.payment_method_id] = told
    rows = {row.pk: row for row in SavedCard.objects.all()}
    assert {pk for pk, row in rows.items() if row.revision} == last.keys()
    for pk, told in last.items():
        assert (told.revision, told.detached_at) == (rows[pk].revision, rows[pk].detached_at)
        assert told.card.model_dump().items() <= vars(rows[pk]).items()


def check_recorded(life):
    """What the tests of the other services are told is what is told in order today, and its end."""
    told, ends = defaultdict(list), rows()
    for row in OutboxEvent.objects.filter(topic__in=[*TOLD, Topic.PAYMENT_ANALYTICS]).order_by(
        "id"
    ):
        event = _event(row)
        told[number_in([event.customer_id])].append(event)
    ends = {
        number: [(model.__name__, _untimed(model, row)) for model, row in found]
        for number, found in ends.items()
    }
    if not is_recorded(life):
        different = {str(in_short(told[number])): number for number in sorted(told, reverse=True)}
        numbers = sorted(different.values())[:TELLINGS]
        record(life, [told[number] for number in numbers], [ends[number] for number in numbers])
        pytest.fail("what is told was not recorded; it is now")
    assert in_short(telling(life, 0)) == in_short(told[0])
    assert in_figures(end(life, 0)) == in_figures(ends[0])


def _untimed(model, row):
    timed = {"revision"} if model is SavedCard else ()  # that of a card comes from the time
    return {name: value for name, value in row.items() if name not in timed}


def _plain(value):
    return value.model_dump() if hasattr(value, "model_dump") else value


def empty_tables():
    """Leave nothing of what other copies did."""
    models = (*TABLES, WebhookEvent, OutboxEvent)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(model._meta.db_table for model in models)}")


@pytest.fixture(params=[disputed, recovered, given_up], ids=lambda lived: lived.__name__)
def life(request, run, at_stripe, clock):
    return request.param(run, at_stripe, clock)


@pytest.mark.parametrize(
    "times",
    [40, pytest.param(3400, marks=[pytest.mark.large, pytest.mark.timeout(3600)])],
)
def test_lived_again_in_any_order_it_ends_the_same(request, run, life, times):
    def live(shuffles):
        empty_tables()
        Service(run).serve([Relived(life, *copy) for copy in enumerate(shuffles)])
        found = {number: end_of(number, some) for number, some in rows().items()}
        in_order = found[0]
        statuses = {row["status"] for (name, _), row in in_order.items() if name in IN_SHORT}
        assert statuses == {life.moments[-1].whole.status}
        assert len(found) == len(shuffles)
        for number, other in found.items():
            if other.keys() != in_order.keys():
                pytest.fail(
                    f"by the lots {shuffles[number]} it ends with "
                    f"{difference(other, in_order)} in place of {difference(in_order, other)}"
                )
        check_told()
        check_told_of_cards()

    in_any_order(live, times=times)
    check_recorded(request.node.callspec.id.partition("-")[0])
