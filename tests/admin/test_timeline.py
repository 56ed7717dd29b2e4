import hashlib
from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from admin_project.analytics.handlers import count
from admin_project.event_log.handlers import log_dead_letters, log_events
from admin_project.event_log.models import LoggedEvent
from admin_project.timeline import consumed
from admin_project.timeline.hops import clock, written
from admin_project.timeline.models import Ask
from admin_project.timeline.selectors import stuck, timeline
from kafka_bridge.broker import create_topics, group_offsets
from kafka_bridge.contracts import (
    BalanceTransactionRecorded,
    CustomerInfo,
    PaymentStatus,
    PaymentUpdateRequested,
    PlanInfo,
    Service,
    SubscriptionRequested,
    SubscriptionStatus,
    SubscriptionStatusUpdated,
    SubscriptionUpdateRequested,
    Topic,
    WebhookProcessed,
    WebhookReceived,
)
from kafka_bridge.contracts.payments import Refund
from kafka_bridge.inbox import receive
from kafka_bridge.records import Record
from tests.admin.conftest import answered, measured, requested, subscription_state

URL = "/admin/timeline/"


def journey(*, at=None, **fields):
    """A payment as it usually goes: asked, answered, measured, and its webhook."""
    at = at or timezone.now() - timedelta(minutes=1)
    payment_id, correlation_id = uuid4(), uuid4()
    intent = f"pi_{uuid4().hex}"
    same = {"correlation_id": correlation_id, "payment_id": payment_id}
    ask = requested(**same, timestamp=at, **fields)
    told = {
        **same,
        "causation_id": ask.event_id,
        "payment_intent_id": intent,
        "status": PaymentStatus.SUCCEEDED,
        "timestamp": at + timedelta(milliseconds=120),
    }
    answer = answered(**told)
    webhook = arrived(
        at=at + timedelta(milliseconds=300), correlation_id=correlation_id, id_=f"evt_{uuid4().hex}"
    )
    log_events([ask])
    log_events([answer])
    count([measured(**{**told, "requested_at": at})])
    log_events([webhook])
    count([processed(webhook, at=at + timedelta(milliseconds=420))])
    return ask, answer, webhook


def arrived(*, at, correlation_id=None, id_="evt_1"):
    """A webhook that somebody's name is in."""
    webhook_event = {"id": id_, "type": "payment_intent.succeeded", "name": "Ada Lovelace"}
    return WebhookReceived(
        event_type=Topic.STRIPE_WEBHOOK_RECEIVED,
        customer_id="c1",
        correlation_id=correlation_id,
        webhook_event_id=webhook_event["id"],
        webhook_event_type=webhook_event["type"],
        raw_payload=orjson.dumps(webhook_event).decode(),
        signature="t=1,v1=of_stripe",
        webhook_event=webhook_event,
        timestamp=at,
    )


def processed(webhook, *, at):
    return WebhookProcessed.caused_by(
        webhook,
        webhook_event_id=webhook.webhook_event_id,
        webhook_event_type=webhook.webhook_event_type,
        outcome="applied",
        received_at=webhook.timestamp,
        timestamp=at,
    )


@pytest.mark.django_db
class TestTimeline:
    def test_any_id_finds_every_hop(self):
        ask, answer, webhook = journey()
        journey(customer_id="c2", payment_method_id="pm_2")

        for found_by in (
            ask.payment_id,
            str(ask.payment_id).upper(),
            answer.payment_intent_id,
            webhook.webhook_event_id,
            ask.event_id,
            answer.event_id,
            ask.correlation_id,
            ask.payment_method_id,
        ):
            found = timeline(f" {found_by} ")
            assert [hop.topic for hop in found.hops] == [
                "stripe.payment.request",
                "payment.card.result",
                "payment.analytics",
                "stripe.webhook.received",
                "webhook.processed",
            ], found_by
            assert found.correlations == 1
            assert found.silences == []

    def test_hops_tell_what_time_passed(self):
        ask, *_ = journey()

        hops = timeline(str(ask.payment_id)).hops

        assert hops[0].since is None
        assert [hop.since / timedelta(milliseconds=1) for hop in hops[1:]] == [120, 0, 180, 120]
        assert [hop.service for hop in hops] == [
            *("customer", "payment", "payment", "customer", "payment"),
        ]
        assert "19.99 EUR" in hops[0].says
        assert "succeeded" in hops[1].says

    def test_charges_refunds_and_balance_transactions_are_found(self):
        _, answer, _ = journey()
        now = timezone.now()
        log_events(
            [
                answered(
                    correlation_id=answer.correlation_id,
                    refunds=(Refund(stripe_refund_id="re_1", amount=5, status="succeeded"),),
                )
            ]
        )
        balance = BalanceTransactionRecorded(
            customer_id="c1",
            correlation_id=answer.correlation_id,
            balance_transaction_id="txn_1",
            source_id="ch_1",
            type="charge",
            reporting_category="charge",
            amount=1999,
            fee=59,
            net=1940,
            currency="eur",
            occurred_at=now,
            available_on=now,
        )
        log_events([balance])

        counts = {text: len(timeline(text).hops) for text in ("re_1", "txn_1", "ch_1")}

        assert counts == dict.fromkeys(("re_1", "txn_1", "ch_1"), 7)

    def test_the_hash_of_an_email_address_finds_what_its_owner_asked_for(self):
        ask, *_ = journey(customer_info=CustomerInfo(email=" Grace@Example.com "))
        journey(customer_id="c2")
        subscribed = SubscriptionRequested(
            event_type=Topic.STRIPE_SUBSCRIPTION_SETUP,
            customer_id="c3",
            subscription_plan_id="pro",
            plan_info=PlanInfo(name="Pro", amount=5, currency="eur", interval="month"),
            payment_method_id="pm_card_visa",
            customer_info=CustomerInfo(email="grace@example.com"),
            metadata={},
        )
        log_events([subscribed])

        found = timeline(hashlib.sha256(b"grace@example.com").hexdigest())

        assert {hop.correlation_id for hop in found.hops} == {
            str(ask.correlation_id),
            str(subscribed.event_id),
        }
        assert len(found.hops) == 6
        assert timeline("grace@example.com").hops == []

    def test_a_customer_has_all_their_correlations(self):
        journey(customer_id="c9")
        journey(customer_id="c9")

        assert timeline("c9").correlations == 2

    @pytest.mark.parametrize("text", ["", "pi_nothing", "%", "'", "x" * 300, "\0", "{a,b}", "😀"])
    def test_what_is_not_known_finds_nothing(self, text):
        journey()

        assert timeline(text).hops == []

    def test_silence_after_a_request_is_said(self):
        ask = requested(timestamp=timezone.now() - timedelta(minutes=3))
        log_events([ask])

        found = timeline(str(ask.event_id))

        assert len(found.hops) == 1
        assert "nothing since (3 min" in found.silences[0]

    def test_a_slow_answer_is_marked(self):
        ask = requested(timestamp=timezone.now() - timedelta(minutes=3))
        log_events([ask])
        log_events([answered(correlation_id=ask.event_id, causation_id=ask.event_id)])

        assert [hop.slow for hop in timeline(str(ask.event_id)).hops] == [False, True]


@pytest.mark.django_db
class TestStuck:
    def test_what_is_answered_is_not(self):
        journey(at=timezone.now() - timedelta(hours=1))

        assert stuck() == []

    def test_an_answer_may_come_before_its_request(self):
        ask = requested(timestamp=timezone.now() - timedelta(hours=1))
        log_events([answered(causation_id=ask.event_id)])
        log_events([ask])

        assert stuck() == []
        row = Ask.objects.get()
        assert (row.customer_id, row.correlation_id) == (ask.customer_id, ask.event_id)

    def test_a_request_without_an_answer_is_after_its_deadline(self):
        ask = requested(timestamp=timezone.now() - timedelta(minutes=2))
        log_events([ask, requested()])

        assert [(one.identifier, one.hop) for one in stuck()] == [
            (str(ask.event_id), "stripe.payment.request: no answer")
        ]

    def test_a_payment_that_is_asked_for_twice_is_answered_once(self):
        asked_at, payment_id = timezone.now() - timedelta(hours=1), uuid4()
        first, second = (requested(payment_id=payment_id, timestamp=asked_at) for _ in range(2))
        log_events([first, second])
        assert len(stuck()) == 2

        count([measured(payment_id)])

        assert stuck() == []

    def test_a_payment_whose_dead_request_a_webhook_made_good_is_not(self):
        ask = requested(timestamp=timezone.now() - timedelta(hours=1))
        log_events([ask])
        assert timeline(str(ask.event_id)).silences

        count([measured(ask.event_id)])

        assert stuck() == []
        assert timeline(str(ask.event_id)).silences == []

    def test_a_request_that_died_says_where(self):
        ask = requested(timestamp=timezone.now() - timedelta(minutes=2))
        log_events([ask])
        headers = {
            "dlq_event_id": str(ask.event_id),
            "dlq_consumer": "payment",
            "dlq_error_type": "StripeRejected",
        }
        log_dead_letters([Record("stripe.payment.request.dlq", 0, 7, b"c1", b"{}", headers)])

        assert stuck()[0].hop == (
            "stripe.payment.request: dead letter of the payment-service: StripeRejected"
        )
        hops = timeline(str(ask.event_id)).hops
        assert [(hop.service, hop.dead) for hop in hops] == [("customer", False), ("payment", True)]
        assert "StripeRejected" in hops[1].says

    @pytest.mark.parametrize("action", ["confirm", "capture", "cancel", "refund", "refresh"])
    def test_what_was_asked_of_a_payment_and_not_answered_is(self, action):
        ask = PaymentUpdateRequested(
            customer_id="c1",
            payment_id=uuid4(),
            payment_intent_id="pi_1",
            action=action,
            timestamp=timezone.now() - timedelta(hours=1),
        )
        log_events([ask])

        must_be_answered = [str(ask.event_id)] if action != "refresh" else []
        assert [one.identifier for one in stuck()] == must_be_answered

    def test_a_change_of_a_subscription_without_an_answer_is(self):
        subscription = {
            "customer_id": "c1",
            "subscription_id": uuid4(),
            "stripe_subscription_id": "sub_1",
            "timestamp": timezone.now() - timedelta(hours=1),
        }
        pause, resume, refresh = (
            SubscriptionUpdateRequested(action=action, **subscription)
            for action in ("pause", "resume", "refresh")
        )
        told = SubscriptionStatusUpdated(
            causation_id=pause.event_id,
            subscription_plan_id="pro",
            status=SubscriptionStatus.ACTIVE,
            amount=1000,
            currency="eur",
            interval="month",
            revision=2,
            **subscription,
        )
        log_events([pause, resume, refresh, told])

        assert [one.identifier for one in stuck()] == [str(resume.event_id)]

    def test_a_webhook_without_an_outcome_is_after_its_deadline(self):
        webhook = arrived(at=timezone.now() - timedelta(minutes=2))
        log_events([webhook])

        (one,) = stuck()
        assert (one.identifier, one.hop) == (
            str(webhook.event_id),
            "stripe.webhook.received: no answer",
        )
        (silence,) = timeline("evt_1").silences
        assert silence.startswith("stripe.webhook.received accepted ")

        count([processed(webhook, at=timezone.now())])
        assert stuck() == []

    def test_of_a_webhook_only_its_id_and_type_are_kept(self):
        log_events([arrived(at=timezone.now())])

        content = str(LoggedEvent.objects.get().content)
        assert "evt_1" in content
        assert "Ada" not in content
        assert "of_stripe" not in content

    def test_a_payment_that_waits_for_its_customer_is_after_its_deadline(self):
        now = timezone.now()
        for minutes in (10, 50):
            at = now - timedelta(minutes=minutes)
            count([measured(status=PaymentStatus.REQUIRES_ACTION, timestamp=at, requested_at=at)])

        (one,) = stuck()
        assert one.hop == "payment.analytics: requires_action"
        assert one.amount == "19.99 EUR"

    @pytest.mark.parametrize(
        ("payment_type", "status", "hours"),
        [
            ("one_off", "requires_payment_method", 25),
            ("one_off", "requires_capture", 145),
            ("subscription_first", "requires_action", 24),
            ("subscription_first", "requires_confirmation", 24),
            ("subscription_first", "requires_payment_method", 24),
            ("subscription_renewal", "processing", 1),
        ],
    )
    def test_what_is_not_final_is_after_its_deadline(self, payment_type, status, hours):
        now = timezone.now()
        late, in_time = (
            measured(payment_type=payment_type, status=PaymentStatus(status), timestamp=at)
            for at in (now - timedelta(hours=hours, minutes=1), now - timedelta(hours=hours - 0.1))
        )
        count([late, in_time])

        (one,) = stuck(now=now)
        assert (one.identifier, one.hop) == (str(late.payment_id), f"payment.analytics: {status}")
        assert one.deadline == late.timestamp + timedelta(hours=hours)

    @pytest.mark.parametrize(
        "status", ["requires_action", "requires_confirmation", "requires_payment_method"]
    )
    def test_a_renewal_may_wait_for_its_customer_for_weeks(self, status):
        at = timezone.now() - timedelta(days=9)
        waits = {"status": PaymentStatus(status), "timestamp": at, "requested_at": at}
        count([measured(payment_type="subscription_renewal", **waits)])

        assert stuck() == []

    def test_a_subscription_that_stays_incomplete_is_after_its_deadline(self):
        now = timezone.now()
        late, in_time, active = (
            subscription_state(UUID(int=number), status=status, timestamp=now - timedelta(hours=h))
            for number, (status, h) in enumerate(
                [("incomplete", 25), ("incomplete", 23), ("active", 25)]
            )
        )
        count([late, in_time, active])

        (one,) = stuck(now=now)
        assert (one.identifier, one.hop) == (
            str(late.subscription_id),
            "subscription.status.updated: incomplete",
        )
        assert timeline(one.identifier).silences == [
            f"{one.hop} at {clock(late.timestamp)}, nothing since (1 d 1 h)"
        ]

    def test_what_is_not_final_is_said_in_its_timeline(self):
        at = timezone.now() - timedelta(hours=2)
        ask, answer, _ = journey(at=at)
        waits = measured(
            correlation_id=ask.correlation_id,
            payment_id=ask.payment_id,
            status=PaymentStatus.REQUIRES_ACTION,
            revision=2,
            timestamp=at + timedelta(hours=1),
        )
        count([waits])
        journey(at=at)

        assert timeline(answer.payment_intent_id).silences == [
            f"payment.analytics: requires_action at {clock(waits.timestamp)}, nothing since (1 h)"
        ]

    def test_payments_are_read_by_the_index_of_those_not_final(self):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(str(statement) for statement in self.plans(stuck))

        assert "payments_not_final" in plan
        assert "subscriptions_not_final" in plan

    def plans(self, read):
        with CaptureQueriesContext(connection) as captured:
            read()
        with connection.cursor() as cursor:
            for query in captured.captured_queries:
                cursor.execute(f"EXPLAIN {query['sql']}")
                yield cursor.fetchall()

    def test_a_payment_that_goes_on_is_not_any_more(self):
        payment_id, at = uuid4(), timezone.now() - timedelta(hours=1)
        asked = {"timestamp": at, "requested_at": at}
        count([measured(payment_id, status=PaymentStatus.REQUIRES_ACTION, **asked)])
        count([measured(payment_id, revision=2, **asked)])

        assert stuck() == []


@pytest.mark.django_db
class TestHowFarAnAskCame:
    """The payment service's committed offset says, for pages alone: figures are read too often."""

    @pytest.fixture
    def topic(self, monkeypatch):
        """In place of the asks' own, and with a group of its own: the whole stack's tests have the
        broker after this.
        """
        name = f"tests.{uuid4()}"
        create_topics([name], partitions=2, replication=1, timeout=30)

        def offsets_there(*, topics, **asked):
            assert topics == {Topic.STRIPE_PAYMENT_REQUEST}
            found = group_offsets(topics={name}, **asked)
            return {(*topics, partition): reached for (_, partition), reached in found.items()}

        monkeypatch.setattr(consumed, "group_offsets", offsets_there)
        assert f"{Service.PAYMENT}-service" == consumed._GROUP
        monkeypatch.setattr(consumed, "_GROUP", name)
        return name

    @pytest.fixture
    def ask(self):
        ask = requested(timestamp=timezone.now() - timedelta(minutes=2))
        receive([Record(Topic.STRIPE_PAYMENT_REQUEST, 1, 7, b"c1", ask.to_json(), {})])
        return ask

    def commit(self, topic, offset):
        consumer = Consumer(
            {"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS, "group.id": topic}
        )
        consumer.commit(offsets=[TopicPartition(topic, 1, offset)], asynchronous=False)
        consumer.close()

    @pytest.mark.parametrize(
        ("committed", "says"),
        [(7, "not consumed yet"), (8, "consumed")],
    )
    def test_it_is_said(self, admin_client, topic, ask, committed, says):
        self.commit(topic, committed)

        (one,) = stuck(ask_broker=True)
        says = f"{says} by {topic}"
        assert one.hop == f"stripe.payment.request: no answer, {says}"
        assert timeline(str(ask.event_id)).silences[0].endswith(f"), {says}")
        assert one.hop in admin_client.get("/admin/stuck/").text

    def test_nothing_is_said_if_the_broker_does_not_answer(self, ask, settings, monkeypatch):
        monkeypatch.setattr(consumed, "_WITHIN", 0.2)
        settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"

        (one,) = stuck(ask_broker=True)
        assert one.hop == "stripe.payment.request: no answer"
        assert timeline(str(ask.event_id)).silences[0].endswith(")")

    def test_who_counts_what_is_stuck_does_not_ask(self, ask, monkeypatch):
        monkeypatch.setattr(consumed, "group_offsets", lambda **_: pytest.fail("asked"))

        assert len(stuck()) == 1


@pytest.mark.django_db
class TestPages:
    def test_a_timeline_is_shown(self, admin_client):
        ask, answer, _ = journey()

        page = admin_client.get(URL, {"q": answer.payment_intent_id})

        assert page.status_code == 200
        assert str(ask.event_id) in page.text
        assert "+120 ms" in page.text
        assert "5 hops of 1 correlation." in page.text

    def test_what_is_asked_for_is_escaped(self, admin_client):
        page = admin_client.get(URL, {"q": "<script>"})

        assert "<script>" not in page.text.split("</head>")[1]
        assert "Nothing here is known by" in page.text

    def test_statements_do_not_grow_with_the_hops(self, admin_client):
        counts = []
        for _ in range(2):
            for _ in range(5):
                journey(customer_id="c5")
            with CaptureQueriesContext(connection) as captured:
                admin_client.get(URL, {"q": "c5"})
            counts.append(len(captured))

        assert counts[0] == counts[1] <= 9

    def test_stuck_payments_are_shown(self, admin_client):
        assert "Nothing stands still." in admin_client.get("/admin/stuck/").text
        ask = requested(timestamp=timezone.now() - timedelta(minutes=2))
        log_events([ask])

        assert str(ask.event_id) in admin_client.get("/admin/stuck/").text

    @pytest.mark.parametrize("url", [URL, "/admin/stuck/"])
    def test_staff_without_permission_sees_nothing(self, client, staff, url):
        assert client.get(url).status_code == 302
        client.force_login(staff)
        assert client.get(url).status_code == 403


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0 ms"),
        (timedelta(milliseconds=12), "12 ms"),
        (timedelta(seconds=3.21), "3.2 s"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(hours=1, seconds=5), "1 h"),
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
    ],
)
def test_durations_are_written_shortly(duration, text):
    assert written(duration) == text
