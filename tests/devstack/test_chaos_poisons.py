"""Bad records: each is right but for one thing, and dies of that."""

import pytest

from devstack.chaos.customers import EMAIL_DOMAIN
from devstack.chaos.poisons import good, poison, poisons_of
from kafka_bridge.broker import MAX_RECORD_BYTES
from kafka_bridge.contracts import Topic, decode
from kafka_bridge.errors import InvalidEvent

TOPICS = [str(topic) for topic in Topic]
EACH_TOPIC = pytest.mark.parametrize("topic", TOPICS)
EACH_POISON = pytest.mark.parametrize(
    ("topic", "how"), [(topic, how) for topic in TOPICS for how in poisons_of(topic)]
)


def read(value, topic):
    return decode(value, topic=topic, partition=0, offset=0)


@EACH_TOPIC
def test_what_is_spoiled_would_be_good(topic):
    assert read(good(topic, customer="c1"), topic).customer_id == "c1"


@EACH_POISON
def test_dies_of_what_is_wrong_with_it_alone(topic, how):
    spoiled = poison(topic, how, customer="c1")

    with pytest.raises(InvalidEvent) as death:
        read(spoiled.value, topic)
    problems = str(death.value).split("; ")
    assert [problem.partition(": ")[0] for problem in problems] == [spoiled.field]


@EACH_POISON
def test_fits_on_its_topic_and_tells_nobodys_data(topic, how):
    value = poison(topic, how, customer="c1").value or b""

    assert len(value) < MAX_RECORD_BYTES
    assert b"_secret_" not in value
    assert EMAIL_DOMAIN.encode() not in value


@EACH_TOPIC
def test_something_is_wrong_with_a_field_of_every_topic(topic):
    fields = {poison(topic, how, customer="c1").field for how in poisons_of(topic)}

    assert {"version", "eventType", "timestamp", "value"} < fields
    assert len(fields) > 4


@pytest.mark.parametrize("how", ["float amount", "negative amount", "amount as text"])
def test_amounts_are_wrong_where_money_is_asked_for(how):
    assert how in poisons_of(Topic.STRIPE_PAYMENT_REQUEST)
