"""The contracts as an AsyncAPI 3 document, for producers and consumers in any language.

    python -m kafka_bridge.contracts.asyncapi tests/contracts/golden > docs/asyncapi.yaml

The folder holds the messages' examples: `<topic>/<name>.json`. Needs PyYAML, which is no part of
what production installs. https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

import argparse
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic.json_schema import models_json_schema

from kafka_bridge.contracts.base import Event
from kafka_bridge.contracts.registry import EVENT_CLASSES
from kafka_bridge.contracts.topics import Service, Topic

Document = dict[str, Any]

_KAFKA_BINDING: Final = "0.5.0"

_DESCRIPTION: Final = """\
The customer service and the payment service talk through these topics and nothing else; the admin
service only listens. Values are JSON in UTF-8. Every record is keyed by `customerId`, so the events
of one customer stay in order.

A producer needs to write no header, no `eventId` and no `version`. What is written here always has
all of them, and no nulls. Readers ignore fields they do not know and accept null for an absent one.
"""

_HEADERS: Final[Document] = {
    "type": "object",
    "description": "CloudEvents in Kafka's binary mode, and W3C Trace Context.",
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "description": "The event's `eventId`."},
        "ce_type": {"type": "string", "description": "The event's `eventType`."},
        "ce_source": {"type": "string", "description": "The event's `source`."},
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": {"type": "string", "const": "application/json"},
        "traceparent": {
            "type": "string",
            "description": "https://www.w3.org/TR/trace-context/#traceparent-header",
        },
    },
}

_DEAD_LETTER_HEADERS: Final[Document] = {
    "type": "object",
    "description": "The record's own headers, and why it is here.",
    "properties": {
        "dlq_event_id": {"type": "string", "format": "uuid"},
        "dlq_error_type": {"type": "string", "description": "The kind of reason."},
        "dlq_error": {"type": "string", "description": "The reason; it names the fields at fault."},
        "dlq_consumer": {
            "type": "string",
            "description": "The service that cannot handle it: each that reads the topic tells.",
        },
        "dlq_topic": {"type": "string"},
        "dlq_partition": {"type": "string", "description": "A number."},
        "dlq_offset": {"type": "string", "description": "A number."},
        "dlq_value_omitted": {
            "type": "string",
            "description": "Set if the record was too large to be copied; its inbox has it.",
        },
    },
    "required": ["dlq_event_id", "dlq_error_type", "dlq_error", "dlq_consumer"],
}


def document(examples: Mapping[Topic, Mapping[str, Document]]) -> Document:
    """Describe every topic that has a contract, with the examples given for it by name."""
    classes = list(EVENT_CLASSES.values())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Paybridge events",
            "version": max((_version(event_class) for event_class in classes), key=_as_numbers),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            **{str(event_class.topic): _channel(event_class) for event_class in classes},
            "deadLetters": _dead_letter_channel([event_class.topic for event_class in classes]),
        },
        "operations": {
            name: operation
            for event_class in classes
            for name, operation in _operations(event_class).items()
        },
        "components": {
            "messages": {
                **{
                    event_class.__name__: _message(event_class, examples.get(event_class.topic, {}))
                    for event_class in classes
                },
                "DeadLetter": _dead_letter(),
            },
            "messageTraits": {"event": _event_trait()},
            "schemas": {
                "Headers": _HEADERS,
                "DeadLetterHeaders": _DEAD_LETTER_HEADERS,
                **_schemas(classes),
            },
        },
    }


def read_examples(folder: Path) -> dict[Topic, dict[str, Document]]:
    """Read `<topic>/<name>.json` of every topic."""
    return {
        topic: {file.stem: json.loads(file.read_text()) for file in files}
        for topic in Topic
        if (files := sorted((folder / topic).glob("*.json")))
    }


def as_yaml(described: Document) -> str:
    """Write the document as YAML that reads like prose where it is prose."""
    return yaml.dump(
        described, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )


def _version(event_class: type[Event]) -> str:
    return str(event_class.model_fields["version"].default)


def _as_numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _channel(event_class: type[Event]) -> Document:
    name = event_class.__name__
    return {
        "address": str(event_class.topic),
        "description": inspect.getdoc(event_class),
        "messages": {name: _reference("components", "messages", name)},
        "bindings": {"kafka": {"topic": str(event_class.topic), "bindingVersion": _KAFKA_BINDING}},
    }


def _dead_letter_channel(topics: list[Topic]) -> Document:
    return {
        "address": "{topic}.dlq",
        "description": "Records that can never be handled, as they came, with the reason.",
        "parameters": {
            "topic": {
                "description": "Where the record was.",
                "enum": [str(name) for name in topics],
            }
        },
        "messages": {"DeadLetter": _reference("components", "messages", "DeadLetter")},
    }


def _operations(event_class: type[Event]) -> dict[str, Document]:
    topic, name = event_class.topic, event_class.__name__

    def operation(service: Service, action: str) -> Document:
        return {
            "action": action,
            "channel": _reference("channels", topic),
            "summary": f"The {service} service {action}s {name}.",
            "tags": [{"name": str(service)}],
            "messages": [_reference("channels", topic, "messages", name)],
        }

    return {
        **{f"{service}Sends{name}": operation(service, "send") for service in topic.producers},
        **{
            f"{service}Receives{name}": operation(service, "receive") for service in topic.consumers
        },
    }


def _message(event_class: type[Event], examples: Mapping[str, Document]) -> Document:
    name = event_class.__name__
    message = {
        "name": name,
        "title": str(event_class.topic),
        "summary": (inspect.getdoc(event_class) or "").splitlines()[0],
        "traits": [_reference("components", "messageTraits", "event")],
        "payload": _reference("components", "schemas", name),
        "examples": [{"name": label, "payload": example} for label, example in examples.items()],
    }
    return {key: value for key, value in message.items() if value}


def _event_trait() -> Document:
    return {
        "contentType": "application/json",
        "headers": _reference("components", "schemas", "Headers"),
        "correlationId": {
            "description": "Constant from the API call that began it all to the last webhook.",
            "location": "$message.payload#/correlationId",
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The event's `customerId`."},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _dead_letter() -> Document:
    return {
        "title": "A record as it came",
        "contentType": "application/octet-stream",
        "headers": _reference("components", "schemas", "DeadLetterHeaders"),
        "payload": {"description": "Whatever bytes the record had."},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The record's own."},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _schemas(classes: list[type[Event]]) -> Document:
    _, schema = models_json_schema(
        [(event_class, "validation") for event_class in classes],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Document = {
        name: _readable(definition) for name, definition in schema["$defs"].items()
    }
    for event_class in classes:
        if event_class.private:
            schemas[event_class.__name__]["x-private"] = sorted(
                event_class.model_fields[name].alias or name for name in event_class.private
            )
    return schemas


def _readable(schema: Any) -> Any:
    """Leave out titles made of names, and null as the other way to say that a field is absent."""
    if isinstance(schema, list):
        return [_readable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    alternatives = [part for part in schema.get("anyOf", []) if part != {"type": "null"}]
    if len(alternatives) == 1:
        schema = {**alternatives[0], **schema}
        del schema["anyOf"]
    properties = {name: _readable(part) for name, part in schema.get("properties", {}).items()}
    return {
        key: properties if key == "properties" else _readable(value)
        for key, value in schema.items()
        if key != "title" and (key, value) != ("default", None)
    }


def _reference(*path: str) -> Document:
    return {"$ref": "/".join(["#", *path])}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and repeats instead of pointing back."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Dumper.add_representer(str, _represent_text)


def main() -> None:
    """Print the document."""
    parser = argparse.ArgumentParser(description="Print the contracts as AsyncAPI 3.")
    parser.add_argument("examples", type=Path, help="a folder of <topic>/<name>.json")
    sys.stdout.write(as_yaml(document(read_examples(parser.parse_args().examples))))


if __name__ == "__main__":
    main()
