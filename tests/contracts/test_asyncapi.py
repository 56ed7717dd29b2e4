import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from kafka_bridge.contracts import EVENT_CLASSES, asyncapi

HERE = Path(__file__).parent
DOCUMENT = HERE.parent.parent / "docs/asyncapi.yaml"


@pytest.fixture(scope="module")
def generated():
    return asyncapi.document(asyncapi.read_examples(HERE / "golden"))


def schema_of(document, name):
    """A message's payload schema, so that its references are found."""
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


class TestDocument:
    def test_committed_one_is_current(self, generated):
        assert DOCUMENT.read_text() == asyncapi.as_yaml(generated), (
            "run: python -m kafka_bridge.contracts.asyncapi tests/contracts/golden"
            " > docs/asyncapi.yaml"
        )

    def test_keeps_the_official_schema(self):
        official = json.loads((HERE / "asyncapi-3.0.0.schema.json").read_text())

        jsonschema.validate(yaml.safe_load(DOCUMENT.read_text()), official)

    def test_references_lead_somewhere(self, generated):
        for reference in references(generated):
            found = generated
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]

    @pytest.mark.parametrize("event_class", EVENT_CLASSES.values(), ids=lambda c: c.__name__)
    def test_every_contract_has_a_channel_its_operations_and_examples(self, generated, event_class):
        name, topic = event_class.__name__, event_class.topic

        assert generated["channels"][topic]["messages"].keys() == {name}
        for service in topic.producers:
            assert generated["operations"][f"{service}Sends{name}"]["action"] == "send"
        for service in topic.consumers:
            assert generated["operations"][f"{service}Receives{name}"]["action"] == "receive"
        assert generated["components"]["messages"][name]["examples"]

    @pytest.mark.parametrize("event_class", EVENT_CLASSES.values(), ids=lambda c: c.__name__)
    @pytest.mark.parametrize("folder", ["golden", "plain_producer"])
    def test_examples_keep_the_schemas_it_shows(self, generated, event_class, folder):
        for file in (HERE / folder / event_class.topic).glob("*.json"):
            jsonschema.validate(
                json.loads(file.read_text()), schema_of(generated, event_class.__name__)
            )


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)
