from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from kafka_bridge.broker import MAX_DEAD_LETTER_BYTES, ExistingTopic, create_topics
from kafka_bridge.contracts import Topic

_LIMIT = {"max.message.bytes": str(MAX_DEAD_LETTER_BYTES)}


@pytest.fixture
def run(settings):
    """Run `create_topics` with these settings; return what it wrote and what it warned of."""

    def run(*, partitions=2, replication=1):
        settings.KAFKA_TOPIC_PARTITIONS = partitions
        settings.KAFKA_TOPIC_REPLICATION = replication
        out, err = StringIO(), StringIO()
        call_command("create_topics", stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return run


class TestExistingTopics:
    def test_new_ones_are_told_from_those_that_were_there(self):
        old, new = f"tests.{uuid4()}", f"tests.{uuid4()}"
        create_topics([old], partitions=2, replication=1, timeout=30, config=_LIMIT)

        found = create_topics([old, new], partitions=5, replication=1, timeout=30)

        assert found == {old: ExistingTopic(2, 1, MAX_DEAD_LETTER_BYTES), new: None}


class TestCommand:
    def test_dead_letter_topics_take_more_than_the_others(self, run):
        run()

        (found,) = create_topics(
            [Topic.PAYMENT_CARD_RESULT.dead_letter_topic], partitions=2, replication=1, timeout=30
        ).values()

        assert found.max_message_bytes == MAX_DEAD_LETTER_BYTES

    def test_every_topic_is_there_and_nothing_is_changed_by_another_run(self, run):
        run()
        out, _ = run()

        assert len(out.splitlines()) == 2 * len(Topic)
        assert "created" not in out

    def test_drift_is_named_with_what_to_do(self, run):
        run()
        partitions = create_topics(
            [Topic.PAYMENT_CARD_RESULT], partitions=2, replication=1, timeout=30
        )[Topic.PAYMENT_CARD_RESULT].partitions

        _, err = run(partitions=partitions + 1, replication=2)

        assert f"payment.card.result: has {partitions} partitions" in err
        assert "kafka-topics.sh --alter" in err
        assert "payment.card.result: has 1 replicas" in err

    def test_no_drift_no_warning(self, run):
        run()
        partitions = create_topics(
            [Topic.PAYMENT_CARD_RESULT], partitions=2, replication=1, timeout=30
        )[Topic.PAYMENT_CARD_RESULT].partitions

        assert run(partitions=partitions)[1] == ""

    def test_broker_is_away(self, run, settings):
        settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"

        with pytest.raises(CommandError, match=r"Kafka at 127\.0\.0\.1:1"):
            call_command("create_topics", timeout=0.2)
