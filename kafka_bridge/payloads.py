"""What people may see of an event: its JSON laid out, and private data behind a mask.

A contract names its private fields (`Event.private`), and what it does not name at all is private
too. Of a value that breaks its contract nothing is known, so all of it is private.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from kafka_bridge.contracts import Event, decode
from kafka_bridge.contracts.registry import EVENT_CLASSES
from kafka_bridge.contracts.topics import Topic
from kafka_bridge.errors import CannotBeHandled

MASK: Final = "••••••"

_ABSENT: Final = object()
_PUBLIC_HEADERS: Final = ("ce_", "content-type", "trace", "dlq_")
_ERROR_HEADER: Final = "dlq_error"
_DEAD_LETTERS: Final = ".dlq"
_LONGEST_VALUE: Final = 60


def event_in(value: bytes | None, *, topic: str) -> Event | None:
    """Read a value by its topic's contract; None if it cannot be."""
    try:
        return decode(value, topic=topic.removesuffix(_DEAD_LETTERS), partition=0, offset=0)
    except CannotBeHandled:
        return None


def pretty(value: bytes | None, *, topic: str, private: bool) -> str:
    """Lay out a value for reading, with its private data only if `private`."""
    if value is None:
        return "(no value)"
    try:
        content = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value.decode("utf-8", "replace") if private else f"{MASK} ({len(value)} bytes)"
    if not private:
        content = masked(content, event=event_in(value, topic=topic), topic=topic)
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()


def masked(content: Any, *, event: Event | None, topic: str) -> Any:
    """Replace what is private in a value's JSON; the names of the contract's fields stay."""
    if not isinstance(content, dict):
        return MASK
    public = event.public_content() if event else {}
    shown = {
        name: _shown(value, public.get(name, MASK if value is not None or not event else None))
        for name, value in content.items()
        if name in _field_names(topic)
    }
    unknown = len(content) - len(shown)
    return shown | ({f"({unknown} fields unknown to the contract)": MASK} if unknown else {})


def _shown(came: Any, public: Any) -> Any:
    """Prefer what came to what was read of it, where that cannot hold more than was read."""
    nested = isinstance(came, dict | list)
    return public if nested or public == MASK else came


def visible_headers(headers: Mapping[str, str], *, private: bool) -> dict[str, str]:
    """Return a record's headers, those of unknown meaning masked unless `private`."""
    return {
        name: text
        if private or (name.startswith(_PUBLIC_HEADERS) and name != _ERROR_HEADER)
        else MASK
        for name, text in headers.items()
    }


def changes(before: bytes | None, after: bytes, *, topic: str, private: bool) -> list[str]:
    """Tell field by field what an edit changed: `amount: 10.5 → 1050`.

    Unless `private`, only fields show that the contract makes public, and nothing of a value from
    before that broke its contract.
    """
    old, new = _flat_json(before), _flat_json(after)
    old_public = _public_paths(before, topic=topic)
    new_public = _public_paths(after, topic=topic)

    def show(path: str, values: Mapping[str, Any], public: Mapping[str, Any]) -> str:
        if path not in values:
            return "(none)"
        return _brief(values[path]) if private or path in public else MASK

    return [
        f"{path}: {show(path, old, old_public)} → {show(path, new, new_public)}"
        for path in {**old, **new}
        if old.get(path, _ABSENT) != new.get(path, _ABSENT)
    ]


def _public_paths(value: bytes | None, *, topic: str) -> dict[str, Any]:
    event = event_in(value, topic=topic)
    return dict(_flat(event.public_content())) if event else {}


def _flat_json(value: bytes | None) -> dict[str, Any]:
    try:
        return dict(_flat(orjson.loads(value or b"")))
    except orjson.JSONDecodeError:
        return {"value": (value or b"").decode("utf-8", "replace")}


def _flat(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict) and content:
        for name, value in content.items():
            yield from _flat(value, f"{path}.{name}" if path else name)
    else:
        yield path or "value", content


def _field_names(topic: str) -> set[str]:
    try:
        event_class = EVENT_CLASSES[Topic(topic.removesuffix(_DEAD_LETTERS))]
    except (KeyError, ValueError):
        return set()
    return {field.alias or name for name, field in event_class.model_fields.items()}


def _brief(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
