from datetime import timedelta

import pytest
from django.utils import timezone

from kafka_bridge.lanes import open_for
from kafka_bridge.models import InboxEvent, OutboxEvent
from kafka_bridge.retention import purge

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=31)
LATELY = timezone.now() - timedelta(days=29)


def outbox_event(number, published_at):
    return OutboxEvent.objects.create(
        event_id=f"00000000-0000-7000-8000-{number:012d}",
        topic="payment.card.result",
        key="c1",
        shard=0,
        value=b"{}",
        headers={},
        correlation_id="00000000-0000-7000-8000-000000000000",
        created_at=LONG_AGO,
        published_at=published_at,
    )


def inbox_event(number, **state):
    return InboxEvent.objects.create(
        event_id=f"00000000-0000-7000-8000-{number:012d}",
        topic="payment.card.result",
        partition=0,
        offset=number,
        key="c1",
        value=b"{}",
        headers={},
        correlation_id="00000000-0000-7000-8000-000000000000",
        received_at=LONG_AGO,
        **state,
    )


class TestPurge:
    def test_what_was_relayed_long_ago_goes(self):
        outbox_event(1, LONG_AGO)
        kept = {outbox_event(2, LATELY), outbox_event(3, None)}

        assert purge() == 1
        assert set(OutboxEvent.objects.all()) == kept

    def test_what_was_handled_long_ago_goes_and_what_waits_for_somebody_stays(self):
        inbox_event(1, handled_at=LONG_AGO)
        kept = {inbox_event(2, handled_at=LATELY), inbox_event(3), inbox_event(4, dead_at=LONG_AGO)}
        open_for({"c1"})

        assert purge() == 1
        assert set(InboxEvent.objects.all()) == kept

    def test_what_stays_does_not_keep_the_rest_from_going(self):
        inbox_event(1, dead_at=LONG_AGO)
        outbox_event(1, None)
        inbox_event(2, handled_at=LONG_AGO)
        outbox_event(2, LONG_AGO)

        assert purge(at_once=1) == 2
