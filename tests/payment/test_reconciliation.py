"""Reconciliation: what webhooks missed is found, repaired in its lane, and reported once."""

import random
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from kafka_bridge.contracts import (
    PaymentUpdateRequested,
    SubscriptionUpdateRequested,
    WebhookReceived,
)
from kafka_bridge.models import OutboxEvent
from payment_project.payments.models import Payment
from payment_project.reconciliation import selectors, services
from payment_project.reconciliation.models import Divergence, Run
from payment_project.subscriptions.models import Invoice, Subscription
from payment_project.webhooks.models import WebhookEvent
from payment_project.webhooks.types import HANDLED
from tests.payment.conftest import published, received
from tests.payment.subscribing import setup_requested

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def only_what_the_test_does(at_stripe, settings):
    settings.RECONCILE_GRACE = -5
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_of_the_test"]
    services.reconcile()
    OutboxEvent.objects.all().delete()
    Divergence.objects.all().delete()
    for event in all_events(at_stripe):
        WebhookEvent.objects.create(
            id=event["id"], type=event["type"], customer_id="before", outcome="ignored",
            received_at="2026-01-01T00:00:00Z", processed_at="2026-01-01T00:00:00Z",
        )  # fmt: skip


def all_events(at_stripe):
    events, page = [], at_stripe.get("/v1/events", limit=100)
    while True:
        events += page["data"]
        if not page["has_more"]:
            return events
        page = at_stripe.get("/v1/events", limit=100, starting_after=events[-1]["id"])


def subscription_at(at_stripe):
    return at_stripe.get("/v1/subscriptions", limit=1)["data"][0]["id"]


@pytest.fixture
def work(handle):
    """Handle what was published for this service, until nothing is left, as the lanes do."""

    def work():
        taken = (PaymentUpdateRequested, SubscriptionUpdateRequested, WebhookReceived)
        done = set()
        while left := [e for e in published() if isinstance(e, taken) and e.event_id not in done]:
            handle(*left)
            done |= {event.event_id for event in left}

    return work


@pytest.fixture(params=[False, True], ids=["foreign", "adopted"])
def adopt(request, settings):
    settings.STRIPE_ADOPT = request.param
    return request.param


def test_after_one_run_nothing_diverges_and_the_next_finds_nothing(
    handle, at_stripe, paid, work, adopt
):
    dice = random.Random(7)
    payments = [paid() for _ in range(20)]
    for payment in payments[:10]:
        at_stripe.post("/v1/refunds", payment_intent=payment.payment_intent_id, amount=100)
    made = at_stripe.post(
        "/v1/payment_intents", amount=500, currency="eur", confirm="true",
        payment_method="pm_card_visa", **{"allowed_payment_method_types[]": "card"},
    )  # fmt: skip
    for event in reversed(all_events(at_stripe)):
        dropped = dice.random() < 0.05 or event["data"]["object"]["id"] == made["id"]
        is_known = WebhookEvent.objects.filter(id=event["id"]).exists()
        if event["type"] in HANDLED and not dropped and not is_known:
            customer_id = event["data"]["object"]["metadata"].get("customer_id", "x")
            handle(received(event, customer_id=customer_id))
    work()
    Payment.objects.filter(id=payments[-1].id).delete()

    found = services.reconcile().found
    work()
    again = services.reconcile()

    assert found >= 2
    assert again.found == 0
    assert Divergence.objects.filter(resolved_at=None).count() == 0
    assert Payment.objects.filter(payment_intent_id=made["id"]).exists() is adopt
    assert Payment.objects.filter(id=payments[-1].id, status="succeeded").exists()
    for payment in payments[:10]:
        payment.refresh_from_db()
        assert payment.amount_refunded == 100
    assert again.elsewhere_made >= (not adopt)


def test_subscription_whose_row_is_gone_comes_back(handle, at_stripe, work):
    event = setup_requested()
    handle(event)
    Invoice.objects.all().delete()
    Subscription.objects.all().delete()
    WebhookEvent.objects.bulk_create(
        [
            WebhookEvent(
                id=e["id"], type=e["type"], customer_id="c", outcome="ignored",
                received_at="2026-01-01T00:00:00Z", processed_at="2026-01-01T00:00:00Z",
            )
            for e in all_events(at_stripe)
        ],
        ignore_conflicts=True,
    )  # fmt: skip

    services.reconcile()
    ours = Divergence.objects.filter(object_id=subscription_at(at_stripe))
    assert set(ours.values_list("kind", flat=True)) == {"missing_subscription"}
    work()

    row = Subscription.objects.get(id=event.subscription_context.subscription_id)
    assert row.status == "active"
    assert services.reconcile().found == 0


def test_reported_in_health_and_asked_once(at_stripe, paid, capsys):
    payment = paid()
    Payment.objects.all().delete()

    services.reconcile()
    services.reconcile()

    health = Client().get("/health/").json()["reconciliation"]
    assert health["open"]["missed_webhook"] == 1
    assert health["open"]["missing_payment"] >= 1  # other tests' rows are gone as well
    looks = [event for event in published() if isinstance(event, PaymentUpdateRequested)]
    assert [event.payment_id for event in looks].count(payment.id) == 1
    call_command("reconcile_stripe", days=1)
    assert "missed_webhook: 1 open" in capsys.readouterr().out


def test_looking_back_less_far_than_the_last_run_leaves_nothing_out(at_stripe, paid):
    payment = paid()
    Payment.objects.filter(id=payment.id).delete()

    services.reconcile(since=timezone.now() + timedelta(minutes=30))

    assert Divergence.objects.filter(object_id=payment.payment_intent_id).exists()


def test_what_was_too_young_is_read_by_the_next_run(settings):
    settings.RECONCILE_GRACE = 3600
    last = Run.objects.latest("started_at")

    moment = selectors.read_until(timezone.now())

    assert moment < last.started_at - timedelta(hours=1)


def test_what_is_older_than_a_run_reads_is_resolved_all_the_same(
    handle, at_stripe, paid, work, monkeypatch
):
    event = setup_requested()
    handle(event)
    payment = paid()
    Payment.objects.filter(id=payment.id).delete()
    Invoice.objects.all().delete()
    Subscription.objects.all().delete()
    services.reconcile()
    assert set(selectors.open_divergences()) >= {
        "missed_webhook",
        "missing_payment",
        "missing_subscription",
    }
    Divergence.objects.filter(kind__startswith="missing").exclude(
        object_id__in=[payment.payment_intent_id, subscription_at(at_stripe)]
    ).delete()  # of other tests
    work()
    a_day_later = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(selectors, "read_until", lambda _now: a_day_later)

    run = services.reconcile()

    assert (run.found, selectors.open_divergences()) == (0, {})


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (Subscription, {"subscription_plan_id": "another"}),
        (Subscription, {"amount": 1}),
        (Subscription, {"quantity": 7}),
        (Subscription, {"cancel_at_period_end": True}),
        (Subscription, {"current_period_end": "2020-01-01T00:00:00Z"}),
        (Invoice, {"status": "open"}),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else given.__name__,
)
def test_subscription_that_is_otherwise_at_stripe(handle, at_stripe, work, table, change):
    event = setup_requested()
    handle(event)
    of_ours = {
        "customer_id" if table is Subscription else "subscription__customer_id": event.customer_id
    }
    row, made = table.objects.get(**of_ours), subscription_at(at_stripe)
    table.objects.filter(pk=row.pk).update(**change)

    services.reconcile()
    work()

    (found,) = Divergence.objects.filter(object_id=made)
    assert found.kind == "different_subscription"
    now = table.objects.get(pk=row.pk)
    assert [getattr(now, name) for name in change] == [getattr(row, name) for name in change]
    services.reconcile()
    assert not Divergence.objects.filter(object_id=made, resolved_at=None).exists()


def test_missing_payment_that_came_back_otherwise_is_another_divergence(paid):
    payment = paid()
    Payment.objects.filter(id=payment.id).delete()
    services.reconcile()
    payment.amount_captured = 1
    payment.save(force_insert=True)

    services.reconcile()

    still = Divergence.objects.filter(object_id=payment.payment_intent_id, resolved_at=None)
    assert [row.kind for row in still] == ["different_payment"]
