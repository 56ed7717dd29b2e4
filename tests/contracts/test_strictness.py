import json
from pathlib import Path

import pytest

from kafka_bridge.contracts import Topic, decode
from kafka_bridge.errors import InvalidEvent, UnknownTopic

GOLDEN = Path(__file__).parent / "golden"
REQUEST = GOLDEN / "stripe.payment.request/1.0.json"
WITH_AMOUNT = [
    file for file in sorted(GOLDEN.rglob("*.json")) if "amount" in json.loads(file.read_text())
]
HUGE = "9" * 30
BEYOND_PYTHON = "9" * 5000


def record(field=None, raw=None, *, file=REQUEST, without=None):
    """A good record with one field's JSON replaced, or left out."""
    fields = {
        key: json.dumps(value)
        for key, value in json.loads(file.read_text()).items()
        if key != without
    }
    if field:
        fields[field] = raw
    return (
        "{" + ",".join(f"{json.dumps(key)}:{raw}" for key, raw in fields.items()) + "}"
    ).encode()


def read(value, *, topic=Topic.STRIPE_PAYMENT_REQUEST):
    return decode(value, topic=topic, partition=0, offset=0)


class TestAmounts:
    @pytest.mark.parametrize(
        "raw",
        ["10.5", "10.0", '"1000"', "true", "1e3", "NaN", HUGE, f"-{HUGE}", "[1]", "{}"],
    )
    @pytest.mark.parametrize("file", WITH_AMOUNT, ids=lambda file: file.parent.name)
    def test_anything_but_an_int_is_refused(self, file, raw):
        with pytest.raises(InvalidEvent, match=r"^amount: "):
            read(record("amount", raw, file=file), topic=file.parent.name)

    @pytest.mark.parametrize("file", WITH_AMOUNT, ids=lambda file: file.parent.name)
    def test_only_a_balance_moves_down(self, file):
        lost = record("amount", "-1", file=file)

        if file.parent.name == Topic.PAYMENT_BALANCE:
            assert read(lost, topic=file.parent.name).amount == -1
        else:
            with pytest.raises(InvalidEvent, match=r"^amount: "):
                read(lost, topic=file.parent.name)

    @pytest.mark.parametrize("raw", ["null", "0"])
    @pytest.mark.parametrize("topic", [Topic.STRIPE_PAYMENT_REQUEST, Topic.PAYMENT_CARD_RESULT])
    def test_nothing_cannot_be_paid(self, topic, raw):
        file = next(file for file in WITH_AMOUNT if file.parent.name == topic)

        with pytest.raises(InvalidEvent, match=r"^amount: "):
            read(record("amount", raw, file=file), topic=topic)

    def test_a_number_that_no_int_holds_is_refused(self):
        with pytest.raises(InvalidEvent, match="number out of range"):
            read(record("amount", BEYOND_PYTHON))

    def test_twelve_digits_are_the_most(self):
        assert read(record("amount", "999999999999")).amount == 999_999_999_999
        with pytest.raises(InvalidEvent, match=r"^amount: "):
            read(record("amount", "1000000000000"))


class TestText:
    def test_uppercase_currency_is_read_as_lowercase(self):
        event = read(record("currency", '"EUR"'))

        assert event.currency == "eur"
        assert json.loads(event.to_json())["currency"] == "eur"

    @pytest.mark.parametrize("raw", ['"euro"', '"eu"', '"e1r"', '"eur\\n"', '""', "978", "null"])
    def test_what_is_no_currency_code_is_refused(self, raw):
        with pytest.raises(InvalidEvent, match=r"^currency: "):
            read(record("currency", raw))

    @pytest.mark.parametrize(
        ("field", "raw"),
        [
            ("customerId", '"a\\u0000"'),
            ("source", '"\\u0000"'),
            ("metadata", '{"deep":[{"text":"\\u0000"}]}'),
            ("metadata", '{"\\u0000":1}'),
            ("metadata", '{"text":"\\\\\\u0000"}'),
            ("unknown", '"\\u0000"'),
        ],
    )
    def test_the_character_no_database_stores_is_refused(self, field, raw):
        with pytest.raises(InvalidEvent, match=r"U\+0000"):
            read(record(field, raw))

    def test_the_word_for_that_character_is_none(self):
        event = read(record("metadata", '{"text":"\\\\u0000"}'))

        assert event.metadata == {"text": "\\u0000"}

    @pytest.mark.parametrize("raw", ['"\\ud800"', '"\\udc00"', '"\\ud800x"'])
    def test_half_a_surrogate_pair_is_refused(self, raw):
        with pytest.raises(InvalidEvent, match="Invalid JSON"):
            read(record("customerId", raw))

    def test_a_whole_surrogate_pair_is_read(self):
        assert read(record("customerId", '"\\ud83d\\ude00"')).customer_id == "😀"

    @pytest.mark.parametrize("raw", ['""', f'"{"x" * 256}"', "5", "null", "[]"])
    def test_what_names_no_customer_is_refused(self, raw):
        with pytest.raises(InvalidEvent, match=r"^customerId: "):
            read(record("customerId", raw))

    def test_what_is_wrong_is_said_without_the_value(self):
        with pytest.raises(InvalidEvent) as caught:
            read(record("customerInfo", '{"email":["ada@example.com"]}'))

        assert str(caught.value) == "customerInfo.email: Input should be a valid string"


class TestEnvelope:
    @pytest.mark.parametrize("raw", ['"1.0"', '"1.7"', '"1"', '"1.0.0"'])
    def test_minor_versions_are_read(self, raw):
        assert read(record("version", raw)).version == json.loads(raw)

    @pytest.mark.parametrize("raw", ['"2.0"', '"0.9"', '"10.0"', '"1."', '"v1"', "1", "1.0", '""'])
    def test_unknown_version_is_refused(self, raw):
        with pytest.raises(InvalidEvent, match=r"^version: "):
            read(record("version", raw))

    @pytest.mark.parametrize("raw", ['"payment.card.result"', '"STRIPE.PAYMENT.REQUEST"', "null"])
    def test_another_event_type_than_the_topics_is_refused(self, raw):
        with pytest.raises(InvalidEvent, match=r"^eventType: "):
            read(record("eventType", raw))

    @pytest.mark.parametrize(
        "raw",
        [
            '"2026-11-22T10:15:30"',
            '"2026-11-22"',
            '"yesterday"',
            '"0001-01-01T00:00:00+10:00"',
            '"9999-12-31T23:59:59Z"',
            "1763806530",
            "null",
        ],
    )
    def test_time_without_offset_or_out_of_this_age_is_refused(self, raw):
        with pytest.raises(InvalidEvent, match=r"^timestamp: "):
            read(record("timestamp", raw))

    @pytest.mark.parametrize("raw", ['""', "7", "null", f'"{"x" * 256}"'])
    def test_what_names_no_event_is_refused(self, raw):
        with pytest.raises(InvalidEvent, match=r"^eventId: "):
            read(record("eventId", raw))

    @pytest.mark.parametrize(
        "field", ["eventType", "customerId", "amount", "currency", "customerInfo", "metadata"]
    )
    def test_missing_field_is_named(self, field):
        with pytest.raises(InvalidEvent, match=f"^{field}: Field required$"):
            read(record(without=field))

    def test_request_without_a_way_to_pay_is_refused(self):
        with pytest.raises(InvalidEvent, match="paymentMethodId"):
            read(record(without="paymentMethodId"))

    def test_unknown_fields_are_ignored(self):
        event = read(record("subscriptionContext", '{"isRenewal":true,"amount":"10.5"}'))

        assert event == read(record())
        assert b"subscriptionContext" not in event.to_json()

    def test_topic_without_a_contract_is_refused(self):
        with pytest.raises(UnknownTopic, match="nonsense"):
            read(record(), topic="nonsense")


class TestForm:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            b"",
            b"null",
            b"[]",
            b'"text"',
            b"\xff\xfe",
            b'{"amount":',
            b"{}{}",
            b"\xef\xbb\xbf{}",
        ],
    )
    def test_what_is_no_json_object_is_refused(self, value):
        with pytest.raises(InvalidEvent):
            read(value)

    @pytest.mark.parametrize("depth", [300, 1_000_000])
    def test_deep_nesting_is_refused(self, depth):
        with pytest.raises(InvalidEvent, match="recursion limit"):
            read(record("metadata", '{"a":' + "[" * depth + "]" * depth + "}"))

    def test_bearable_nesting_is_written_again(self):
        value = record("metadata", '{"a":' + "[" * 100 + "]" * 100 + "}")

        assert read(read(value).to_json()) == read(value)

    def test_megabytes_of_nonsense_are_refused_in_a_short_text(self):
        fields = ",".join(f'"{number}":"{"x" * 100}"' for number in range(50_000))

        with pytest.raises(InvalidEvent) as caught:
            read(f"{{{fields}}}".encode())

        assert len(str(caught.value)) < 500
