"""A request as it came and an answer as it goes, without ASGI's ceremony."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Call:
    """One HTTP request."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def line(self) -> str:
        """Return method and path: what faults are matched against."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """One HTTP response."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON


class Dropped(Exception):
    """The connection is to be cut without an answer."""


def json_answer(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Make an answer of JSON."""
    return Answer(status, orjson.dumps(body), headers or {})
