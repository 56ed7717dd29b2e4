import json
from pathlib import Path

import pytest

from kafka_bridge.contracts import EVENT_CLASSES, Topic, decode, event_id_of_record

HERE = Path(__file__).parent
GOLDEN = sorted((HERE / "golden").rglob("*.json"))
PLAIN = sorted((HERE / "plain_producer").rglob("*.json"))


def name(file):
    return f"{file.parent.name}/{file.stem}"


def read(file, *, offset=0):
    return decode(file.read_bytes(), topic=file.parent.name, partition=0, offset=offset)


def in_fixed_form(value):
    return json.dumps(json.loads(value), indent=2, ensure_ascii=False) + "\n"


class TestGolden:
    @pytest.mark.parametrize("file", GOLDEN, ids=name)
    def test_is_written_as_it_was_read(self, file):
        assert in_fixed_form(read(file).to_json()) == file.read_text()

    @pytest.mark.parametrize("file", GOLDEN, ids=name)
    def test_is_written_in_the_same_bytes_each_time(self, file):
        written = read(file).to_json()

        assert decode(written, topic=file.parent.name, partition=1, offset=1).to_json() == written

    @pytest.mark.parametrize("event_class", EVENT_CLASSES.values(), ids=lambda c: c.__name__)
    def test_there_is_one_of_each_contract_and_version(self, event_class):
        version = event_class.model_fields["version"].default
        versions = {json.loads(file.read_text())["version"] for file in of(event_class.topic)}

        assert version in versions, f"add golden/{event_class.topic}/{version}.json"

    @pytest.mark.parametrize("event_class", EVENT_CLASSES.values(), ids=lambda c: c.__name__)
    def test_every_field_of_its_own_is_in_one_of_them(self, event_class):
        fields = {
            field.alias
            for name, field in event_class.model_fields.items()
            if name in event_class.__annotations__
        }
        shown = {key for file in of(event_class.topic) for key in json.loads(file.read_text())}

        assert fields <= shown, f"not in golden/{event_class.topic}/: {fields - shown}"

    @pytest.mark.parametrize("file", GOLDEN, ids=name)
    def test_private_fields_are_left_out_of_what_may_be_shown(self, file):
        event = read(file)
        private = {type(event).model_fields[field].alias for field in event.private}

        assert event.public_content().keys() == json.loads(event.to_json()).keys() - private


class TestPlainProducer:
    """A service written from the specification alone, in another language."""

    @pytest.mark.parametrize("file", PLAIN, ids=name)
    def test_is_read(self, file):
        written, event = json.loads(file.read_text()), read(file)

        assert event.customer_id == written["customerId"]
        assert getattr(event, "amount", None) == written.get("amount")
        assert getattr(event, "currency", "") == written.get("currency", "").lower()
        assert event.timestamp.isoformat(timespec="milliseconds") == written["timestamp"].replace(
            "Z", "+00:00"
        )

    def test_there_is_a_request_and_a_result(self):
        assert {file.parent.name for file in PLAIN} >= {
            Topic.STRIPE_PAYMENT_REQUEST,
            Topic.PAYMENT_CARD_RESULT,
        }

    def test_event_without_an_id_gets_one_from_its_place_in_the_topic(self):
        file = HERE / "plain_producer/stripe.payment.request/card.json"

        first, again, next_one = read(file, offset=7), read(file, offset=7), read(file, offset=8)

        assert first.event_id == again.event_id != next_one.event_id
        assert first.event_id == event_id_of_record(
            topic="stripe.payment.request", partition=0, offset=7, value=file.read_bytes()
        )

    def test_the_same_place_in_a_topic_made_anew_is_another_event(self):
        topic = {"topic": "stripe.payment.request", "partition": 0, "offset": 7}

        assert event_id_of_record(**topic, value=b"1") != event_id_of_record(**topic, value=b"2")

    def test_event_id_of_another_kind_tells_a_repetition_wherever_it_is(self):
        file = HERE / "plain_producer/payment.card.result/declined.json"
        other = file.read_bytes().replace(b"1732270531456", b"1732270531457")

        again = read(file, offset=8)

        assert read(file, offset=7).event_id == again.event_id
        assert decode(other, topic=file.parent.name, partition=0, offset=7) != again


def of(topic):
    return (HERE / "golden" / topic).glob("*.json")
