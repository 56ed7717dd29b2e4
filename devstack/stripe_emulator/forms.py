"""Stripe's form encoding: `items[0][price]=price_1` to nested dicts of strings."""

from __future__ import annotations

from typing import TypeAlias
from urllib.parse import parse_qsl

Raw: TypeAlias = "str | dict[str, Raw]"


def decode(encoded: str) -> dict[str, Raw]:
    """Decode a query string or body. Lists stay dicts keyed by position; a type decides later."""
    root: dict[str, Raw] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        node = root
        *parents, last = _segments(name)
        for segment in parents:
            child = node.setdefault(segment or str(len(node)), {})
            if isinstance(child, str):
                child = node[segment] = {}
            node = child
        node[last or str(len(node))] = value
    return root


def _segments(name: str) -> list[str]:
    if "[" not in name:
        return [name]
    head, _, rest = name.partition("[")
    return [head, *rest.removesuffix("]").split("][")]
