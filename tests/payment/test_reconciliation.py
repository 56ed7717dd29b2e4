"""Reconciliation: what webhooks missed is found, repaired in its lane, and reported once."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from kafka_bridge.contracts import (
    PaymentUpdateRequested,
    SubscriptionUpdateRequested,
    WebhookReceived,
)
from kafka_bridge.dead_letters import discard
from kafka_bridge.models import InboxEvent, OutboxEvent
from payment_project.payments.models import Dispute, Payment, Refund
from payment_project.reconciliation import selectors, services
from payment_project.reconciliation.models import Divergence, Run
from payment_project.subscriptions.models import Invoice, Subscription
from payment_project.webhooks.models import WebhookEvent
from payment_project.webhooks.types import HANDLED
from tests.payment.conftest import asked, published, received, take_in
from tests.payment.subscribing import Clock, change_requested, setup_requested

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def only_what_the_test_does(at_stripe, settings, monkeypatch):
    settings.RECONCILE_GRACE = -5
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_of_the_test"]
    monkeypatch.setattr(selectors, "_OVERLAP", timedelta(seconds=5))  # the clocks are one
    services.reconcile()
    OutboxEvent.objects.all().delete()
    Divergence.objects.all().delete()
    forget(all_events(at_stripe))


def forget(events):
    """Take Stripe's events for done with."""
    WebhookEvent.objects.bulk_create(
        [
            WebhookEvent(
                id=event["id"], type=event["type"], customer_id="before", outcome="ignored",
                received_at="2026-01-01T00:00:00Z", processed_at="2026-01-01T00:00:00Z",
            )
            for event in events
        ],
        ignore_conflicts=True,
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


def test_subscription_whose_row_is_gone_comes_back(handle, at_stripe, work):
    event = setup_requested()
    handle(event)
    Invoice.objects.all().delete()
    Subscription.objects.all().delete()
    forget(all_events(at_stripe))

    services.reconcile()
    ours = Divergence.objects.filter(object_id=subscription_at(at_stripe))
    assert set(ours.values_list("kind", flat=True)) == {"missing_subscription"}
    work()

    row = Subscription.objects.get(id=event.subscription_context.subscription_id)
    assert row.status == "active"
    assert row.revision > 100  # whatever was told of the row that is gone
    assert services.reconcile().found == 0


def test_old_subscription_whose_row_is_gone_comes_back(handle, at_stripe, work, monkeypatch):
    event = setup_requested()
    handle(event)
    Invoice.objects.all().delete()
    Subscription.objects.all().delete()
    forget(all_events(at_stripe))
    later = timezone.now() + timedelta(seconds=1)
    monkeypatch.setattr(selectors, "read_until", lambda _now: later)
    assert services.reconcile().found == 0

    services.reconcile(since=later)
    work()

    row = Subscription.objects.get(id=event.subscription_context.subscription_id)
    assert row.status == "active"


def test_reported_in_health_and_metrics_and_asked_once(at_stripe, paid, admin_user, capsys):
    payment = paid()
    Payment.objects.all().delete()

    services.reconcile()
    services.reconcile()

    health = Client().get("/health/").json()["reconciliation"]
    assert health["open"]["missed_webhook"] == 1
    assert health["open"]["missing_payment"] >= 1  # other tests' rows are gone as well
    token = Token.objects.create(user=admin_user)
    metrics = Client().get("/metrics", headers={"Authorization": f"Bearer {token.key}"}).text
    assert 'paybridge_divergences{kind="missed_webhook"} 1\n' in metrics
    assert 'paybridge_divergences{kind="different_refund"} 0\n' in metrics
    assert 'paybridge_payment_webhooks_of_a_day{outcome="failed"} 0\n' in metrics
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
        (Subscription, {"cancel_at": "2030-01-01T00:00:00Z"}),
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


@pytest.mark.parametrize(
    "part",
    [(table, is_gone) for table in (Refund, Dispute) for is_gone in (True, False)],
    ids=["refund-gone", "refund-otherwise", "dispute-gone", "dispute-otherwise"],
)
def test_part_of_a_payment_that_is_gone_or_otherwise(handle, at_stripe, paid, work, part):
    payment, (table, is_gone) = paid(), part
    at_stripe.post("/v1/refunds", payment_intent=payment.payment_intent_id, amount=100)
    at_stripe.dispute(payment)
    handle(asked("refresh", payment))
    forget(all_events(at_stripe))
    before = table.objects.values().get(payment=payment)
    rows = table.objects.filter(payment=payment)
    rows.delete() if is_gone else rows.update(status="pending")

    services.reconcile()
    work()

    object_id = before.get("stripe_refund_id") or before["id"]
    (found,) = Divergence.objects.filter(object_id=object_id)
    assert found.kind == f"different_{table.__name__.lower()}"
    assert table.objects.values().get(payment=payment) == before
    services.reconcile()
    assert not Divergence.objects.filter(object_id=object_id, resolved_at=None).exists()


def test_rows_of_a_backup_go_on_above_all_that_was_told(paid, subscribed, capsys):
    payment, subscription = paid(), subscribed()

    call_command("raise_revisions")

    told = capsys.readouterr().out
    payment.refresh_from_db()
    subscription.refresh_from_db()
    assert payment.revision == subscription.revision > 1_000
    assert f"{Payment.objects.count()} payments and {Subscription.objects.count()} sub" in told


def test_older_invoice_that_is_gone_comes_back(handle, at_stripe):
    event, clock = setup_requested(), Clock(at_stripe, days_ago=40)
    clock.customer(event.customer_id)
    handle(event)
    clock.advance(days=32)
    subscription = Subscription.objects.get(customer_id=event.customer_id)
    handle(change_requested("refresh", subscription))
    forget(all_events(at_stripe))
    first, latest = Invoice.objects.filter(subscription=subscription).order_by("created_at")
    Invoice.objects.filter(id=first.id).delete()
    two_months_ago = timezone.now() - timedelta(days=60)

    services.reconcile(since=two_months_ago)
    looks = [e for e in published() if getattr(e, "invoice_id", None) == first.id]
    handle(*[event for event in looks if isinstance(event, SubscriptionUpdateRequested)])

    (found,) = Divergence.objects.filter(object_id__in=[first.id, latest.id])
    assert (found.object_id, found.kind) == (first.id, "different_invoice")
    assert Invoice.objects.get(id=first.id).status == "paid"
    services.reconcile(since=two_months_ago)
    found.refresh_from_db()
    assert found.resolved_at


def test_authorisation_that_was_given_up_is_no_refund(handle, at_stripe, paid):
    payment = paid(options={"capture_method": "manual"})
    handle(asked("cancel", payment))
    forget(all_events(at_stripe))

    services.reconcile()

    assert not Divergence.objects.filter(kind="different_refund").exists()


def test_refund_of_what_was_captured_in_part_is_no_divergence(handle, at_stripe, paid):
    payment = paid(options={"capture_method": "manual"})
    handle(asked("capture", payment, amount=1500), asked("refund", payment, amount=500))
    forget(all_events(at_stripe))

    services.reconcile()

    payment.refresh_from_db()
    assert (payment.amount_captured, payment.amount_refunded) == (1500, 500)
    assert not Divergence.objects.filter(object_id=payment.payment_intent_id).exists()


class DeadLetters:
    """What became of webhooks that no version of ours can handle."""

    def __init__(self, worker):
        self._worker = worker

    def handle(self, *events):
        take_in(*events)
        self._worker.drain()

    def discard(self, operator):
        for dead in InboxEvent.objects.filter(dead_at__isnull=False):
            discard([dead], reason="nobody can handle it", by=operator)


@pytest.fixture
def dead_letters(worker):
    return DeadLetters(worker)


class TestDeadWebhook:
    @pytest.fixture(autouse=True)
    def asked_again_at_once(self, monkeypatch):
        monkeypatch.setattr(services, "_ASK_AGAIN_AFTER", timedelta(0))

    @pytest.fixture
    def dead(self, at_stripe, paid, dead_letters, settings):
        """Have reconciliation find a webhook, and its repair die."""
        payment = paid()
        forget(all_events(at_stripe))
        at_stripe.post("/v1/refunds", payment_intent=payment.payment_intent_id, amount=100)
        services.reconcile()
        repairs = [event for event in published() if isinstance(event, WebhookReceived)]
        settings.STRIPE_WEBHOOK_SECRETS = ["whsec_of_nobody"]
        dead_letters.handle(*repairs)
        assert InboxEvent.objects.filter(dead_at__isnull=False).count() == len(repairs) > 0
        OutboxEvent.objects.all().delete()
        return [event.webhook_event_id for event in repairs]

    def test_that_was_discarded_does_not_come_back(self, dead, dead_letters, admin_user):
        dead_letters.discard(admin_user)
        OutboxEvent.objects.all().delete()

        for _ in range(2):
            services.reconcile()

        assert not [event for event in published() if isinstance(event, WebhookReceived)]
        assert not Divergence.objects.filter(object_id__in=dead, resolved_at=None).exists()

    def test_that_is_not_discarded_yet_is_not_asked_for_again(self, dead):
        for _ in range(2):
            services.reconcile()

        assert not [event for event in published() if isinstance(event, WebhookReceived)]
        still = Divergence.objects.filter(object_id__in=dead, resolved_at=None)
        assert still.count() == len(dead)

    def test_whose_repair_is_gone_is_asked_for_again(self, dead):
        InboxEvent.objects.all().delete()

        services.reconcile()

        again = [event for event in published() if isinstance(event, WebhookReceived)]
        assert {event.webhook_event_id for event in again} == set(dead)


class Shop:
    """A hundred payments and some subscriptions, and what happened to them at Stripe alone."""

    def __init__(self, handle, at_stripe, paid):
        requests = [setup_requested() for _ in range(5)]
        handle(*requests)
        self.at_stripe = at_stripe
        self.payments = [paid() for _ in range(100)]
        self.subscriptions = [
            Subscription.objects.get(request_event_id=r.event_id) for r in requests
        ]
        self.refunded, self.disputed = self.payments[:30], self.payments[30:34]
        for payment in self.refunded:
            at_stripe.post("/v1/refunds", payment_intent=payment.payment_intent_id, amount=100)
        for payment in self.disputed:
            at_stripe.dispute(payment)
        self.canceled = self.subscriptions[0].stripe_subscription_id
        ended = at_stripe.delete(f"/v1/subscriptions/{self.canceled}")
        self.customer_of_canceled = ended["customer"]
        self.made_elsewhere = at_stripe.post(
            "/v1/payment_intents", amount=500, currency="eur", confirm="true",
            payment_method="pm_card_visa", **{"allowed_payment_method_types[]": "card"},
        )["id"]  # fmt: skip

    def webhooks(self):
        """List what Stripe sent of it, the oldest first."""
        events = [
            event for event in reversed(all_events(self.at_stripe)) if event["type"] in HANDLED
        ]
        known = set(WebhookEvent.objects.values_list("id", flat=True))
        return [event for event in events if event["id"] not in known]

    def at_stripe_now(self):
        """Return how its payments and subscriptions are at Stripe."""
        found = {}
        for payment in self.payments:
            intent = self.at_stripe.get(
                f"/v1/payment_intents/{payment.payment_intent_id}",
                **{"expand[]": "latest_charge.refunds"},
            )
            charge = intent["latest_charge"]
            refunds = {one["id"]: one["status"] for one in charge["refunds"]["data"]}
            found[intent["id"]] = (
                *(intent["status"], intent["amount_received"], charge["amount_refunded"]),
                *(charge["disputed"], refunds),
            )
        for one in self.subscriptions:
            path = f"/v1/subscriptions/{one.stripe_subscription_id}"
            found[one.stripe_subscription_id] = self.at_stripe.get(path)["status"]
        return found

    def here_now(self):
        """Return how they are recorded."""
        found = {}
        for row in Payment.objects.filter(id__in=[payment.id for payment in self.payments]):
            refunds = dict(row.refunds.values_list("stripe_refund_id", "status"))
            found[row.payment_intent_id] = (
                *(row.status, row.amount_captured, row.amount_refunded),
                *(row.disputes.exists(), refunds),
            )
        for row in Subscription.objects.filter(id__in=[one.id for one in self.subscriptions]):
            found[row.stripe_subscription_id] = row.status
        return found


@pytest.fixture
def no_others_run(monkeypatch):
    """Leave out the subscriptions that run at Stripe since earlier tests, whose rows are gone."""
    running = services.running_subscriptions_until

    def known_here(*arguments, **options):
        known = set(Subscription.objects.values_list("stripe_subscription_id", flat=True))
        for page in running(*arguments, **options):
            yield [one for one in page if one.snapshot.stripe_subscription_id in known]

    monkeypatch.setattr(services, "running_subscriptions_until", known_here)


@pytest.fixture(params=[False, True], ids=["foreign", "adopted"])
def adopt(request, settings):
    settings.STRIPE_ADOPT = request.param
    return request.param


@pytest.mark.usefixtures("no_others_run")
def test_after_one_run_nothing_diverges_and_the_next_finds_nothing(
    handle, at_stripe, paid, work, adopt
):
    began = timezone.now()
    shop = Shop(handle, at_stripe, paid)
    webhooks = shop.webhooks()
    unheard = {payment.payment_intent_id for payment in (*shop.refunded[:2], shop.disputed[0])}
    unheard |= {shop.canceled, shop.made_elsewhere}
    dropped = [
        event
        for event in webhooks
        if {event["data"]["object"].get(name) for name in ("id", "payment_intent", "customer")}
        & {*unheard, shop.customer_of_canceled}
    ]
    assert 0.05 <= len(dropped) / len(webhooks) < 0.1
    heard = [event for event in webhooks if event not in dropped]
    for event in heard:
        metadata = event["data"]["object"].get("metadata") or {}
        customer_id = metadata.get("customer_id", "x")
        handle(received(event, customer_id=customer_id))
    work()
    gone = shop.payments[-1]
    Payment.objects.filter(id=gone.id).delete()
    there, here = shop.at_stripe_now(), shop.here_now()
    ours = unheard - {shop.made_elsewhere}
    assert {key for key in there if here.get(key) != there[key]} == {*ours, gone.payment_intent_id}

    services.reconcile()
    found = set(Divergence.objects.values_list("object_id", flat=True))
    work()
    again = services.reconcile(since=began)

    assert {event["id"] for event in dropped} <= found
    assert not {event["id"] for event in heard} & found
    assert {*ours, gone.payment_intent_id} - {shop.disputed[0].payment_intent_id} <= found
    assert (
        set(Dispute.objects.filter(payment=shop.disputed[0]).values_list("id", flat=True)) <= found
    )
    assert (again.found, selectors.open_divergences()) == (0, {})
    assert shop.here_now() == shop.at_stripe_now() == there
    assert Payment.objects.filter(payment_intent_id=shop.made_elsewhere).exists() is adopt
    assert again.elsewhere_made >= (not adopt)
