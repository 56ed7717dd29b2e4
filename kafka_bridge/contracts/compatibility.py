"""Whether a contract still keeps what an earlier state of the same version promised.

    python -m kafka_bridge.contracts.compatibility FOLDER [--update]

The folder holds a snapshot of each contract's JSON schema, `<topic>.v<major version>.json`. Records
of a version stay in topics, outboxes and inboxes, and services are deployed one after the other: a
new state must read what the old one wrote, and write what the old one could read.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Final

from kafka_bridge.contracts.base import Event
from kafka_bridge.contracts.registry import EVENT_CLASSES

Schema = dict[str, Any]

ADVICE: Final = (
    "This breaks producers or consumers of the version that exists. Leave the class as it is and "
    'add one beside it with a new major version (version "2.0"), on a topic of its own; drop the '
    "old one when nobody produces it and its topic has run empty."
)
_BEHIND: Final = (
    "changed, and compatible. Raise its minor version, add a golden file, deploy its consumers "
    "before its producers, and update its snapshot: "
    "python -m kafka_bridge.contracts.compatibility tests/contracts/snapshots --update"
)
_FORMS: Final = ("pattern", "format", "multipleOf", "uniqueItems")
_LEFT_OUT: Final = frozenset({"title", "description", "$defs"})


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How a contract stands to its snapshot: what it breaks, or that the snapshot is behind."""

    name: str
    breaks: list[str] = field(default_factory=list)
    behind: bool = False

    def __str__(self) -> str:
        if self.breaks:
            return "\n  ".join([f"{self.name}:", *self.breaks, ADVICE])
        return f"{self.name}: {_BEHIND if self.behind else 'ok'}"


def snapshot_name(event_class: type[Event]) -> str:
    """Name the file that a contract's snapshot is kept in."""
    major, _, _ = str(event_class.model_fields["version"].default).partition(".")
    return f"{event_class.topic}.v{major}.json"


def snapshot(event_class: type[Event]) -> str:
    """Write a contract's JSON schema, without references and prose."""
    schema = event_class.model_json_schema()
    return json.dumps(_plain(schema, schema.get("$defs", {})), indent=1) + "\n"


def compare(event_class: type[Event], kept: str) -> Comparison:
    """Compare a contract with the snapshot kept of its version."""
    old, new = json.loads(kept), json.loads(snapshot(event_class))
    return Comparison(name=event_class.__name__, breaks=list(breaks(old, new)), behind=old != new)


def check(folder: Path, *, update: bool = False) -> list[Comparison]:
    """Compare every contract with its snapshot; update those behind that break nothing."""
    found = []
    for event_class in EVENT_CLASSES.values():
        file = folder / snapshot_name(event_class)
        if file.exists():
            comparison = compare(event_class, file.read_text())
        else:
            comparison = Comparison(name=event_class.__name__, behind=True)
        if update and comparison.behind and not comparison.breaks:
            file.write_text(snapshot(event_class))
            comparison = Comparison(name=event_class.__name__)
        found.append(comparison)
    return found


def breaks(old: Schema, new: Schema, path: str = "") -> Iterator[str]:
    """Say what the new schema refuses or withholds that the old one allowed or promised.

    Both are as `snapshot` writes them: without references.
    """
    if "anyOf" in old or "anyOf" in new:
        allowed = new.get("anyOf", [new])
        for alternative in old.get("anyOf", [old]):
            found = [list(breaks(alternative, other, path)) for other in allowed]
            yield from min(found, key=len)
        return
    yield from _narrowed(old, new, path)
    if "properties" in old:
        yield from _broken_fields(old, new, path)
    if "items" in old and "items" in new:
        yield from breaks(old["items"], new["items"], f"{path}[]")
    if "additionalProperties" in old:
        yield from _broken_other_fields(old, new, path)


def _broken_fields(old: Schema, new: Schema, path: str) -> Iterator[str]:
    old_fields, new_fields = old["properties"], new.get("properties", {})
    old_required, new_required = set(old.get("required", [])), set(new.get("required", []))
    for name, schema in old_fields.items():
        at = _join(path, name)
        if name not in new_fields:
            yield f"{at}: removed"
            continue
        yield from breaks(schema, new_fields[name], at)
        if name in new_required - old_required:
            yield f"{at}: was optional, is required"
        if name in old_required - new_required:
            yield f"{at}: was required, is optional"
    for name in sorted(new_required - old_fields.keys()):
        yield f"{_join(path, name)}: new, and required"


def _broken_other_fields(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = old["additionalProperties"], new.get("additionalProperties", True)
    if before is not False and after is False:
        yield f"{path}: takes no other fields any more"
    elif before is True and isinstance(after, dict):
        yield f"{path}: narrowed: other fields had any type"
    elif isinstance(before, dict) and isinstance(after, dict):
        yield from breaks(before, after, _join(path, "*"))


def _narrowed(old: Schema, new: Schema, path: str) -> Iterator[str]:
    if lost := _values(old, "type") - _values(new, "type"):
        yield f"{path}: narrowed: no longer {_listed(lost)}"
    elif "type" in new and "type" not in old:
        yield f"{path}: narrowed: only {new['type']}"
    yield from _lost_choices(old, new, path)
    yield from _tightened(old, new, path)
    for form in _FORMS:
        if form in new and old.get(form) != new[form]:
            yield f"{path}: narrowed: {form} is {new[form]}, was {old.get(form, 'free')}"


def _lost_choices(old: Schema, new: Schema, path: str) -> Iterator[str]:
    choices = _values(new, "enum") | _values(new, "const")
    if choices:
        before = _values(old, "enum") | _values(old, "const")
        if not before:
            yield f"{path}: narrowed: only {_listed(choices)}"
        elif lost := before - choices:
            yield f"{path}: narrowed: no longer {_listed(lost)}"


def _tightened(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for name in ("imum", "Length", "Items", "Properties"):  # minimum, minLength, …
        if _least(new, name) > _least(old, name):
            yield f"{path}: narrowed: at least {_least(new, name)}"
        if _most(new, name) < _most(old, name):
            yield f"{path}: narrowed: at most {_most(new, name)}"


def _least(schema: Schema, name: str) -> float:
    """The lower bound. Numbers that have an exclusive one are ints here: amounts, counts."""
    bounds: list[float] = [
        schema.get(f"min{name}", -inf),
        schema.get(f"exclusiveMin{name}", -inf) + 1,
    ]
    return max(bounds)


def _most(schema: Schema, name: str) -> float:
    bounds: list[float] = [
        schema.get(f"max{name}", inf),
        schema.get(f"exclusiveMax{name}", inf) - 1,
    ]
    return min(bounds)


def _values(schema: Schema, key: str) -> set[str]:
    if key not in schema:
        return set()
    value = schema[key]
    values = value if isinstance(value, list) else [value]
    return {one if key == "type" else json.dumps(one) for one in values}


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _plain(schema: Any, definitions: Schema) -> Any:
    """Put definitions in the place of their references, and leave the prose out."""
    if isinstance(schema, list):
        return [_plain(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    return {
        key: {name: _plain(part, definitions) for name, part in value.items()}
        if key == "properties"
        else _plain(value, definitions)
        for key, value in schema.items()
        if key not in _LEFT_OUT
    }


def main() -> int:
    """Check the contracts against the snapshots in a folder; 1 if a contract breaks its own."""
    parser = argparse.ArgumentParser(description="Check contracts against their snapshots.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--update", action="store_true", help="write those that are behind")
    options = parser.parse_args()
    found = check(options.folder, update=options.update)
    for comparison in found:
        print(comparison)  # noqa: T201 - a command
    return 1 if any(comparison.breaks or comparison.behind for comparison in found) else 0


if __name__ == "__main__":
    sys.exit(main())
