"""The second verification: this service trusts nobody, whatever the topic holds."""

import time
from datetime import UTC, datetime

import pytest

from kafka_bridge.contracts import Topic
from kafka_bridge.models import InboxEvent, OutboxEvent
from payment_project.webhooks.models import WebhookEvent
from tests.payment.conftest import WEBHOOK_SECRET, processed, received, take_in

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86400
OLD_SECRET = "whsec_that_is_replaced"


@pytest.fixture
def arrive(worker, at_stripe, settings):
    """Let a webhook arrive on the topic and be handled; return its row in the inbox."""
    settings.STRIPE_WEBHOOK_SECRETS = [WEBHOOK_SECRET, OLD_SECRET]

    def arrive(event):
        take_in(event)
        worker.drain()
        return InboxEvent.objects.get(event_id=event.event_id)

    return arrive


def webhook(customer_id="cus_1", *, signed_ago=0, received_ago=0, **how):
    """A webhook that Stripe signed, and the edge received, so many seconds ago."""
    now = int(time.time())
    event = {"id": "evt_1", "object": "event", "type": "charge.updated", "data": {"object": {}}}
    return received(
        event,
        customer_id=customer_id,
        signed_at=now - signed_ago,
        timestamp=datetime.fromtimestamp(now - received_ago, UTC),
        **how,
    )


def reason(row):
    """Why an event is dead."""
    assert row.dead_at
    assert row.error_type.endswith("WebhookNotSigned")
    assert not OutboxEvent.objects.filter(topic=Topic.WEBHOOK_PROCESSED).exists()
    assert not WebhookEvent.objects.exists()
    return row.error


class TestForged:
    @pytest.mark.parametrize(
        "forged",
        [
            {"secret": "whsec_of_somebody"},
            {"raw_payload": '{"id": "evt_1", "type": "payment_intent.succeeded"}'},
            {"signature": ""},
            {"signature": "t=1,v1=\u00e9"},
            {"signature": "t=1,v1=00"},
            {"signature": f"t={int(time.time())}"},
            {"signature": "no signature"},
        ],
        ids=["secret", "body", "none", "not_ascii", "wrong", "no_v1", "nonsense"],
    )
    def test_is_dead_with_its_reason(self, arrive, forged):
        assert reason(arrive(webhook(**forged))) == "none of our webhook secrets signed this body"

    def test_holds_up_nothing_of_its_customer(self, arrive):
        assert arrive(webhook(secret="whsec_of_somebody")).dead_at

        assert arrive(webhook()).handled_at

    def test_what_was_not_signed_is_not_read(self, arrive):
        claimed = {"id": "evt_claimed", "object": "event", "type": "invoice.paid"}

        assert arrive(webhook().model_copy(update={"webhook_event": claimed})).handled_at

        assert WebhookEvent.objects.get().id == "evt_1"


class TestAge:
    def test_counts_until_the_edge_and_not_in_kafka(self, arrive):
        late = webhook(signed_ago=5 * DAY, received_ago=5 * DAY - 290)

        assert arrive(late).handled_at
        assert [event.outcome for event in processed()] == ["ignored"]

    def test_too_old_when_the_edge_received_it_is_dead_with_its_reason(self, arrive):
        stale = webhook(signed_ago=5 * DAY, received_ago=5 * DAY - 310)

        assert reason(arrive(stale)) == "signed 310 seconds before it was received"


class TestRolling:
    @pytest.mark.parametrize("secret", [WEBHOOK_SECRET, OLD_SECRET], ids=["new", "old"])
    def test_both_are_right_while_one_replaces_the_other(self, arrive, secret):
        assert arrive(webhook(secret=secret)).handled_at

    def test_replaced_one_is_wrong(self, arrive, settings):
        settings.STRIPE_WEBHOOK_SECRETS = [WEBHOOK_SECRET]

        assert reason(arrive(webhook(secret=OLD_SECRET)))
