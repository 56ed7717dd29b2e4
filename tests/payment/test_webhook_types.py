"""What webhooks bring beyond payments, what was made elsewhere, and each `evt_…` once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from kafka_bridge import retention
from kafka_bridge.contracts import (
    PaymentMeasured,
    PaymentStatus,
    PaymentUpdateRequested,
    SavedCardUpdated,
    SubscriptionPaymentUpdated,
    SubscriptionUpdateRequested,
)
from kafka_bridge.contracts import SavedCard as SavedCardTold
from kafka_bridge.database import now
from kafka_bridge.handlers import Answered, Delivery, delivered
from payment_project.celery import app
from payment_project.customers import selectors as customers
from payment_project.customers import services as customers_services
from payment_project.customers.models import SavedCard, StripeCustomer
from payment_project.payments.models import Payment
from payment_project.stripe_gateway.states import IntentState
from payment_project.subscriptions.models import EarlyMoneyBack, Invoice, Subscription
from payment_project.subscriptions.services import Applied, record_money_back
from payment_project.subscriptions.services.telling import payment_id_of
from payment_project.webhooks import handlers, services
from payment_project.webhooks.models import WebhookEvent
from payment_project.webhooks.tasks import purge_webhooks
from tests.kafka_bridge.connections import elsewhere, wait_until_blocked
from tests.payment.conftest import processed, published, received, updates
from tests.payment.subscribing import setup_requested

pytestmark = pytest.mark.django_db(transaction=True)


def last_event(at_stripe, kind):
    return at_stripe.get("/v1/events", limit=1, type=kind)["data"][0]


@pytest.fixture
def subscribed(handle):
    """Handle a request to subscribe, and return its subscription."""

    def subscribed(*arguments, **fields):
        event = setup_requested(*arguments, **fields)
        handle(event)
        return Subscription.objects.get(id=event.subscription_context.subscription_id)

    return subscribed


class TestSubscriptions:
    def test_canceled_in_the_dashboard(self, handle, at_stripe, subscribed):
        row = subscribed()
        path = f"/v1/subscriptions/{row.stripe_subscription_id}"
        at_stripe.post(path, cancel_at_period_end="true")

        event = last_event(at_stripe, "customer.subscription.updated")
        handle(received(event, customer_id=row.customer_id))

        row.refresh_from_db()
        assert row.cancel_at_period_end
        assert (processed()[-1].outcome, processed()[-1].reason) == ("applied", None)

    def test_invoice_in_another_lane_is_passed_on(self, handle, at_stripe, subscribed):
        row = subscribed()
        event = last_event(at_stripe, "invoice.paid")

        handle(received(event, customer_id="cus_somebody"))

        (look,) = [one for one in published() if isinstance(one, SubscriptionUpdateRequested)]
        invoice_id = event["data"]["object"]["id"]
        assert (look.customer_id, look.action) == (row.customer_id, "refresh")
        assert (look.subscription_id, look.invoice_id) == (row.id, invoice_id)
        handle(look)

    def test_setup_intent_that_one_waits_for(self, handle, at_stripe, subscribed):
        row = subscribed("pm_card_threeDSecure2Required", context={"trial_days": 7})
        at_stripe.command(f"intents/{row.setup_intent_id}/authenticate")
        event = last_event(at_stripe, "setup_intent.succeeded")

        handle(received(event, customer_id=event["data"]["object"]["customer"]))

        (look,) = [one for one in published() if isinstance(one, SubscriptionUpdateRequested)]
        handle(look)
        row.refresh_from_db()
        assert (row.setup_status, row.card["last4"]) == ("", "3220")


def told_back():
    """Return whose, what and how much went back: what analytics was told of refunded payments."""
    return [
        (event.customer_id, event.payment_id, event.amount_refunded, event.dispute_status)
        for event in published()
        if isinstance(event, PaymentMeasured) and (event.amount_refunded or event.dispute_status)
    ]


def told_to_customers():
    return [
        (one.customer_id, one.invoice_id, one.amount_refunded, one.dispute_status, one.revision)
        for one in published()
        if isinstance(one, SubscriptionPaymentUpdated)
        and (one.amount_refunded or one.dispute_status)
    ]


class TestMoneyBackOfSubscriptions:
    @pytest.fixture
    def refund(self, at_stripe):
        def refund(invoice, amount):
            at_stripe.post("/v1/refunds", payment_intent=invoice.payment_intent_id, amount=amount)
            return [last_event(at_stripe, kind) for kind in ("refund.created", "charge.refunded")]

        return refund

    def test_refunded_in_the_dashboard(self, handle, subscribed, refund):
        row = subscribed()
        invoice = row.invoices.get()

        created, refunded = refund(invoice, 500)
        # A refund names no customer, so it comes in a lane of its own; a charge in its Customer's.
        handle(received(refunded, customer_id="cus_1"), received(created, customer_id="evt_1"))

        payment_id = payment_id_of(invoice.id)
        assert told_back() == [(row.customer_id, payment_id, 500, None)]
        told = told_to_customers()
        assert told == [(row.customer_id, invoice.id, 500, None, invoice.revision + 1)]
        assert {event.outcome for event in processed()} <= {"applied", "stale"}

        handle(*(received(event, customer_id="cus_1") for event in refund(invoice, 400)))

        assert told_back()[1:] == [(row.customer_id, payment_id, 900, None)]

    def test_what_went_back_outlives_what_is_told_later(
        self, handle, at_stripe, subscribed, refund
    ):
        row = subscribed()
        invoice = row.invoices.get()
        handle(received(refund(invoice, 500)[1], customer_id="cus_1"))

        Invoice.objects.update(number="before")  # so that there is news of it
        at_stripe.post(
            f"/v1/subscriptions/{row.stripe_subscription_id}", cancel_at_period_end="true"
        )
        told = last_event(at_stripe, "customer.subscription.updated")
        handle(received(told, customer_id=row.customer_id))

        invoice.refresh_from_db()
        assert (invoice.amount_refunded, invoice.revision) == (500, 3)
        assert [amount for _, _, amount, _ in told_back()] == [500, 500]

    def test_disputed(self, handle, at_stripe, subscribed):
        row = subscribed("pm_card_createDispute")

        handle(received(last_event(at_stripe, "charge.dispute.created"), customer_id="evt_1"))

        (told,) = told_back()
        assert told[0] == row.customer_id
        assert told[3] == "needs_response"
        assert [status for _, _, _, status, _ in told_to_customers()] == ["needs_response"]

    def test_refund_that_is_read_before_its_invoice(self, handle, at_stripe, subscribed, refund):
        row = subscribed()
        paid = last_event(at_stripe, "invoice.paid")
        invoice = row.invoices.get()
        Invoice.objects.all().delete()  # as if its webhook were late

        handle(received(refund(invoice, 500)[1], customer_id="cus_1"))
        assert (processed()[-1].outcome, told_back()) == ("ignored", [])
        handle(received(paid, customer_id=row.customer_id))

        assert row.invoices.get().amount_refunded == 500
        assert told_back() == [(row.customer_id, payment_id_of(invoice.id), 500, None)]
        assert [told[2] for told in told_to_customers()] == [500]
        assert not EarlyMoneyBack.objects.exists()

        handle(received(refund(invoice, 400)[1], customer_id="cus_1"))
        assert row.invoices.get().amount_refunded == 900

    @pytest.fixture
    def both_read(self, run, at_stripe, subscribed, refund):
        """A paid invoice and a refund of 500 of it, both read and neither recorded."""
        row = subscribed()
        paid = received(last_event(at_stripe, "invoice.paid"), customer_id=row.customer_id)
        invoice = row.invoices.get()
        Invoice.objects.all().delete()
        refunded = received(refund(invoice, 500)[1], customer_id="cus_1")
        state = run(handlers.read(refunded)).news
        return row, Answered(paid, run(handlers.read(paid))), Answered(refunded, state)

    def test_refund_and_invoice_are_recorded_at_the_same_time(self, both_read):
        row, told, (refunded, state) = both_read

        def record_invoice():
            with transaction.atomic():
                services.process([told])

        with elsewhere() as others:
            with transaction.atomic():
                assert record_money_back(refunded, state, read_at=now()) is Applied.UNKNOWN
                recorded = others.run(record_invoice)
                wait_until_blocked()
            recorded.result()

        assert row.invoices.get().amount_refunded == 500

    def test_invoice_that_is_recorded_while_its_refund_waits(self, both_read):
        row, told, (refunded, state) = both_read

        def record_refund():
            with transaction.atomic():
                return record_money_back(refunded, state, read_at=now())

        with elsewhere() as others:
            with transaction.atomic():
                services.process([told])
                recorded = others.run(record_refund)
                wait_until_blocked()
            assert recorded.result() is Applied.CHANGED

        assert row.invoices.get().amount_refunded == 500
        assert not EarlyMoneyBack.objects.exists()

    def test_of_what_is_kept_for_an_invoice_the_last_read_stands(self, subscribed, refund, run):
        invoice = subscribed().invoices.get()
        Invoice.objects.all().delete()
        event = received(refund(invoice, 500)[1], customer_id="cus_1")
        state, at = run(handlers.read(event)).news, now()

        def keep(amount, read_at):
            refunds = (replace(state.refunds[0], amount=amount),)
            with transaction.atomic():
                record_money_back(event, replace(state, refunds=refunds), read_at=read_at)
            return EarlyMoneyBack.objects.get().amount_refunded

        assert keep(500, at) == 500
        assert keep(400, at - timedelta(seconds=1)) == 500
        assert keep(900, at + timedelta(hours=1)) == 900  # by a clock that was ahead
        assert keep(1000, now()) == 1000

    def test_what_no_invoice_came_for_is_forgotten_in_the_end(self):
        for days in (34, 36):
            EarlyMoneyBack.objects.create(
                payment_intent_id=f"pi_{days}",
                amount_refunded=500,
                read_at=timezone.now() - timedelta(days=days),
            )

        retention.purge()

        assert EarlyMoneyBack.objects.get().payment_intent_id == "pi_34"

    def test_the_state_that_was_read_last_stands(self, handle, subscribed, refund):
        row = subscribed()
        invoice = row.invoices.get()
        event = received(refund(invoice, 500)[1], customer_id="cus_1")
        handle(event)
        invoice.refresh_from_db()
        older = IntentState(PaymentStatus.SUCCEEDED, invoice.payment_intent_id, refunds=())

        with transaction.atomic():
            applied = record_money_back(
                event, older, read_at=invoice.money_back_read_at - timedelta(seconds=1)
            )

        assert applied is Applied.NOTHING_NEW
        invoice.refresh_from_db()
        assert invoice.amount_refunded == 500


def values_of(card):
    """What a contract says of a card."""
    return {name: getattr(card, name) for name in SavedCardTold.model_fields}


def told_of_cards():
    """What was told of cards after they were saved."""
    return [event for event in published() if isinstance(event, SavedCardUpdated)]


class TestCards:
    def test_detached_is_saved_no_more_whatever_comes_later(self, handle, at_stripe, paid):
        payment = paid(options={"save_card": True})
        card = SavedCard.objects.get()
        attached = last_event(at_stripe, "payment_method.attached")
        at_stripe.post(f"/v1/payment_methods/{card.payment_method_id}/detach")
        detached = last_event(at_stripe, "payment_method.detached")

        handle(received(detached, customer_id="cus_1"), received(attached, customer_id="cus_1"))

        assert not customers.has_saved(payment.customer_id, card.payment_method_id)
        assert {event.outcome for event in processed()} <= {"applied", "stale"}
        (told,) = told_of_cards()
        card.refresh_from_db()
        assert (told.customer_id, told.detached_at) == (payment.customer_id, card.detached_at)
        assert (told.card.last4, told.revision) == (card.last4, card.revision)

    def test_replaced_by_its_bank(self, handle, at_stripe, paid):
        payment = paid(options={"save_card": True})
        card = SavedCard.objects.get()
        path = f"/v1/payment_methods/{card.payment_method_id}"
        at_stripe.post(path, **{"card[exp_year]": 2044, "card[exp_month]": 4})

        handle(received(last_event(at_stripe, "payment_method.updated"), customer_id="cus_1"))

        card.refresh_from_db()
        assert (card.exp_month, card.exp_year) == (4, 2044)
        (told,) = told_of_cards()
        assert (told.customer_id, told.detached_at) == (payment.customer_id, None)
        assert (told.card.exp_month, told.card.exp_year) == (4, 2044)

    def test_each_change_is_told_above_the_one_before_and_once(self, handle, at_stripe, paid):
        paid(options={"save_card": True})
        path = f"/v1/payment_methods/{SavedCard.objects.get().payment_method_id}"
        handle(received(last_event(at_stripe, "payment_method.attached"), customer_id="cus_1"))
        for year in (2044, 2045, 2045):
            at_stripe.post(path, **{"card[exp_year]": year})
            changed = last_event(at_stripe, "payment_method.updated")
            handle(received(changed, customer_id="cus_1"), received(changed, customer_id="cus_1"))

        told = told_of_cards()
        assert [event.card.exp_year for event in told][-2:] == [2044, 2045]
        assert [event.revision for event in told] == sorted({event.revision for event in told})

    def test_a_row_made_anew_is_told_above_all_told_before(
        self, handle, at_stripe, paid, monkeypatch
    ):
        paid(options={"save_card": True})
        path = f"/v1/payment_methods/{SavedCard.objects.get().payment_method_id}"
        at_stripe.post(path, **{"card[exp_year]": 2044})
        handle(received(last_event(at_stripe, "payment_method.updated"), customer_id="cus_1"))
        SavedCard.objects.all().delete()
        at_stripe.post(path, **{"card[exp_year]": 2045})

        a_second_later = now() + timedelta(seconds=1)
        monkeypatch.setattr("kafka_bridge.database.now", lambda: a_second_later)
        handle(received(last_event(at_stripe, "payment_method.updated"), customer_id="cus_1"))

        before, after = told_of_cards()
        assert (before.card.exp_year, after.card.exp_year) == (2044, 2045)
        assert before.revision < after.revision

    def test_detached_before_it_was_seen_is_never_saved(self, handle, at_stripe, paid):
        """Its payment's answer is recorded last: the worker was killed, and its lane waits."""
        payment = paid(options={"save_card": True})
        card, mine = SavedCard.objects.get(), StripeCustomer.objects.get().stripe_customer_id
        at_stripe.post(f"/v1/payment_methods/{card.payment_method_id}/detach")
        saved = {payment.customer_id: [SavedCardTold(**values_of(card))]}
        SavedCard.objects.all().delete()

        handle(received(last_event(at_stripe, "payment_method.detached"), customer_id=mine))
        customers_services.save_cards(saved)

        assert not customers.has_saved(payment.customer_id, card.payment_method_id)
        (told,) = told_of_cards()
        assert (told.customer_id, bool(told.detached_at)) == (payment.customer_id, True)

    def test_a_card_that_is_nobodys_here_is_told_to_nobody(self, handle, at_stripe):
        stranger = at_stripe.post("/v1/customers")["id"]
        method = at_stripe.post("/v1/payment_methods/pm_card_visa/attach", customer=stranger)
        at_stripe.post(f"/v1/payment_methods/{method['id']}/detach")

        for kind in ("attached", "detached"):
            handle(received(last_event(at_stripe, f"payment_method.{kind}"), customer_id="cus_1"))

        assert told_of_cards() == []
        assert not SavedCard.objects.exists()

    def test_deleted_customer_is_replaced_when_one_is_needed(self, handle, at_stripe, paid, run):
        payment = paid(options={"save_card": True})
        paid(customer_id=payment.customer_id, options={"save_card": True})
        old = StripeCustomer.objects.get().stripe_customer_id
        at_stripe.delete(f"/v1/customers/{old}")

        handle(received(last_event(at_stripe, "customer.deleted"), customer_id=old))

        assert processed()[-1].outcome == "applied"
        assert customers.stripe_customer_id(payment.customer_id) == ""
        gone = [event for event in told_of_cards() if event.detached_at]
        assert len(gone) == SavedCard.objects.count()
        assert {event.customer_id for event in gone} == {payment.customer_id}
        paid(customer_id=payment.customer_id, options={"save_card": True})
        assert customers.stripe_customer_id(payment.customer_id) not in ("", old)


class TestElsewhereMade:
    def pay(self, at_stripe, **more):
        return at_stripe.post(
            "/v1/payment_intents", amount=500, currency="eur", confirm="true",
            payment_method="pm_card_visa", **{"allowed_payment_method_types[]": "card"}, **more,
        )  # fmt: skip

    def test_payment_is_adopted_if_settings_say_so(self, handle, at_stripe, settings):
        settings.STRIPE_ADOPT = True
        intent = self.pay(at_stripe)
        event = last_event(at_stripe, "payment_intent.succeeded")
        at_stripe.count_looks(intent["id"])

        handle(received(event, customer_id=event["id"]))
        assert at_stripe.looks() == [1]
        looks = [one for one in published() if isinstance(one, PaymentUpdateRequested)]
        handle(*looks)

        row = Payment.objects.get()
        assert (row.payment_intent_id, row.status, row.amount) == (intent["id"], "succeeded", 500)
        assert at_stripe.payment_intent(intent["id"])["metadata"]["payment_id"] == str(row.id)
        assert updates()[-1].payment_id == row.id

    def test_invoices_payment_is_told_of_by_its_invoice(
        self, handle, at_stripe, settings, subscribed
    ):
        settings.STRIPE_ADOPT = True
        subscribed()
        event = last_event(at_stripe, "payment_intent.succeeded")

        handle(received(event, customer_id="x"))

        assert Payment.objects.count() == 0
        assert processed()[-1].outcome == "ignored"

    @pytest.mark.parametrize("adopt", [True, False])
    def test_subscription(self, handle, at_stripe, settings, subscribed, adopt):
        settings.STRIPE_ADOPT = adopt
        row = subscribed()
        price = at_stripe.get(f"/v1/subscriptions/{row.stripe_subscription_id}")["items"]["data"][0]
        made = at_stripe.post(
            "/v1/subscriptions",
            customer=StripeCustomer.objects.get().stripe_customer_id,
            default_payment_method=row.payment_method_id,
            **{"items[0][price]": price["price"]["id"]},
        )
        event = last_event(at_stripe, "customer.subscription.created")
        at_stripe.count_looks(made["id"], made["latest_invoice"])

        handle(received(event, customer_id=row.customer_id))

        assert at_stripe.looks() == [1, 1]
        known = Subscription.objects.filter(stripe_subscription_id=made["id"])
        assert list(known.values_list("customer_id", flat=True)) == [row.customer_id] * adopt
        assert processed()[-1].outcome == ("applied" if adopt else "ignored")


class TestNotHandled:
    @pytest.mark.parametrize(
        "kind", ["payment_intent.created", "invoice.deleted", "charge.updated"]
    )
    def test_is_ignored_and_nothing_is_fetched(self, handle, at_stripe, kind):
        about = {"object": kind.partition(".")[0], "id": "x_gone"}
        event = {"id": "evt_1", "object": "event", "type": kind, "data": {"object": about}}

        handle(received(event, customer_id="x"))

        assert (processed()[-1].outcome, processed()[-1].reason) == (
            "ignored",
            "webhooks of this type are not handled",
        )


class TestKept:
    def test_so_many_days_and_no_longer(self, handle, at_stripe, paid, settings):
        settings.WEBHOOK_RETENTION_DAYS = 40
        for days in (39, 41, 42):
            moment = timezone.now() - timedelta(days=days)
            WebhookEvent.objects.create(
                id=f"evt_{days}", type="x", customer_id="c", outcome="ignored",
                received_at=moment, processed_at=moment,
            )  # fmt: skip

        assert [services.purge(at_once=1) for _ in range(3)] == [1, 1, 0]

        assert WebhookEvent.objects.get().id == "evt_39"

    def test_beat_deletes(self):
        tasks = {entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}
        app.loader.import_default_modules()

        assert purge_webhooks.name in tasks <= set(app.tasks)


class TestOnce:
    def test_one_evt_by_two_ways_is_a_duplicate(self, handle, at_stripe, paid):
        payment = paid()
        at_stripe.dispute(payment)
        event = last_event(at_stripe, "charge.dispute.created")

        handle(*[received(event, customer_id=payment.customer_id) for _ in range(2)])

        assert [one.outcome for one in processed()] == ["applied", "duplicate"]
        row = WebhookEvent.objects.get(id=event["id"])
        assert (row.outcome, row.object_id) == ("applied", payment.payment_intent_id)

    def test_what_came_before_the_last_read_needs_none(self, handle, at_stripe, paid):
        payment = paid()
        at_stripe.dispute(payment)
        created = last_event(at_stripe, "charge.dispute.created")
        before = Delivery(timezone.now(), attempts=0, age=timedelta())
        first = {**created, "id": "evt_1"}
        handle(received(first, customer_id=payment.customer_id))

        with delivered(before):
            handle(received(created, customer_id=payment.customer_id))

        assert (processed()[-1].outcome, processed()[-1].reason) == (
            "stale",
            "the object was read after this came",
        )

    def test_discarded_dead_letter_has_failed(self, at_stripe):
        event = received({"id": "evt_bad", "type": "invoice.paid"}, customer_id="x")

        with transaction.atomic():
            handlers.fail_discarded([event])

        assert processed()[-1].outcome == "failed"
        assert WebhookEvent.objects.get(id="evt_bad").outcome == "failed"


def test_ids_are_found_in_the_admin(admin_client, db):
    WebhookEvent.objects.create(
        id="evt_1", type="x", object_id="pi_1", customer_id="c", outcome="ignored",
        received_at="2026-01-01T00:00:00Z", processed_at="2026-01-01T00:00:00Z",
    )  # fmt: skip

    page = admin_client.get("/admin/webhooks/webhookevent/", {"q": "evt_1"})

    assert page.context["cl"].result_count == 1
