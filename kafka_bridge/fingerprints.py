"""Fingerprints of errors: which dead events failed alike, whoever's ids and amounts they hold."""

import hashlib
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from kafka_bridge.errors import text_of

_FRAMES: Final = 2
"""How many frames of our own tell one failure from another: where it is, and who called."""
_LONGEST_MESSAGE: Final = 300
_LONGEST_LINE: Final = 1000
"""What is looked at for values; the patterns' cost rises with its square."""

_PLACEHOLDERS: Final = (
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "<email>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"(?<!\w)(['\"`]).*?\1(?!\w)"), "<value>"),
    (re.compile(r"\b[a-z]+(_[a-z]+)*_(?=[a-zA-Z]*\d)\w{6,}"), "<id>"),  # as Stripe's are
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b"), "<id>"),
    (re.compile(r"-?\d+([.,:]\d+)*"), "<n>"),
)
_CHAINED: Final = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)

_IN_GROUP: Final = re.compile(r" +[|+](?! +File)")
"""A line of an exception group that may hold a message."""


def fingerprint_of(error: BaseException) -> str:
    """Make 16 characters of the error's class, its message without values, and where it arose.

    Only frames of our own code count, without their line numbers: a new version of a library, or a
    line added above, leaves the fingerprint as it is.
    """
    parts = [type(error).__qualname__, without_values(text_of(error)), *_own_frames(error)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def without_values(message: str) -> str:
    """Return the first line of an error's message with ids, numbers and quoted values replaced.

    Only the first: PostgreSQL's DETAIL and pydantic's list of errors quote what was given.
    """
    line = message.strip().partition("\n")[0][:_LONGEST_LINE]
    for pattern, placeholder in _PLACEHOLDERS:
        line = pattern.sub(placeholder, line)
    return line[:_LONGEST_MESSAGE]


def traceback_without_values(text: str) -> str:
    """Return a traceback with its frames as they are, and its messages `without_values`."""
    return "\n".join(_lines_without_values(text))


def _lines_without_values(text: str) -> Iterator[str]:
    in_message = False
    for line in text.splitlines():
        if line in _CHAINED:
            in_message = False
            yield f"\n{line}\n"
        elif in_message or _IN_GROUP.match(line):
            continue
        elif line and not line.startswith((" ", "Traceback (")):
            in_message = True
            error_type, colon, message = line.partition(": ")
            yield f"{error_type}{colon}{without_values(message)}"
        elif line:
            yield line


def _own_frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        f"{file.relative_to(settings.BASE_DIR)} {frame.name}"
        for frame, file in ((frame, Path(frame.filename)) for frame in frames)
        if file.is_relative_to(settings.BASE_DIR) and "site-packages" not in file.parts
    ]
    return own[-_FRAMES:]
