import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kafka_bridge.contracts import EVENT_CLASSES, Topic, decode
from kafka_bridge.contracts.compatibility import snapshot
from kafka_bridge.errors import InvalidEvent

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
TEXT = st.text(CHARACTERS, max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
FORMATS = {
    "uuid": st.uuids().map(str),
    "date-time": st.datetimes(
        datetime(2000, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)  # noqa: DTZ001
    ).map(datetime.isoformat),
}  # fmt: skip


def values(schema):
    """JSON values that a contract's schema allows."""
    if "anyOf" in schema:
        return st.one_of([values(alternative) for alternative in schema["anyOf"]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return {
        "string": strings,
        "integer": integers,
        "boolean": lambda _: st.booleans(),
        "null": lambda _: st.none(),
        "array": lambda array: st.lists(values(array.get("items", {})), max_size=3),
        "object": objects,
        None: lambda _: JSON,
    }[schema.get("type")](schema)


def strings(schema):
    if "format" in schema:
        return FORMATS[schema["format"]]
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    longest = min(schema.get("maxLength", 60), 60)
    return st.text(CHARACTERS, min_size=schema.get("minLength", 0), max_size=longest)


def integers(schema):
    least = schema.get("minimum", schema.get("exclusiveMinimum", -(10**12)) + 1)
    return st.integers(least, schema.get("maximum", 10**12))


def objects(schema):
    if "properties" not in schema:
        others = schema.get("additionalProperties", True)
        return st.dictionaries(TEXT, values(others if isinstance(others, dict) else {}), max_size=3)
    fields = {name: values(field) for name, field in schema["properties"].items()}
    required = set(schema.get("required", []))
    # A default is what an absent field means; null is another way to be absent only where allowed.
    return st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )


def read(value, topic):
    return decode(value, topic=topic, partition=0, offset=0)


@pytest.mark.parametrize("topic", EVENT_CLASSES)
class TestRoundTrip:
    # A schema does not know the rules between fields: what breaks one is drawn and left out.
    @settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
    @given(data=st.data())
    def test_any_event_is_read_as_it_was_written(self, topic, data):
        written = data.draw(values(json.loads(snapshot(EVENT_CLASSES[topic]))))
        try:
            event = read(json.dumps(written).encode(), topic)
        except InvalidEvent:
            assume(False)  # a rule between fields

        again = read(event.to_json(), topic)

        assert again == event
        assert again.to_json() == event.to_json()
        assert None not in json.loads(event.to_json()).values()

    @settings(max_examples=60)
    @given(data=st.data())
    def test_one_wrong_field_is_refused_or_kept(self, topic, data):
        schema = json.loads(snapshot(EVENT_CLASSES[topic]))
        written = data.draw(values(schema))
        field = data.draw(st.sampled_from(sorted(schema["properties"])))
        value = json.dumps({**written, field: data.draw(JSON)}).encode()
        try:
            event = read(value, topic)
        except InvalidEvent as error:
            assert str(error)  # noqa: PT017 - any other exception fails the test
        else:
            assert read(event.to_json(), topic) == event

    @given(value=st.binary(max_size=200))
    def test_bytes_are_an_event_or_a_reason(self, topic, value):
        with pytest.raises(InvalidEvent):
            read(value, topic)


class TestTopics:
    @pytest.mark.parametrize("topic", Topic)
    def test_every_topic_leads_from_one_service_to_another(self, topic):
        assert set(topic.consumers) - set(topic.producers)
