"""Copies of a recorded life: the same with other ids, so that many are lived side by side."""

import dataclasses
import re
from uuid import UUID

from pydantic import BaseModel

_MARK = re.compile(r"~\d+")


class Copy:
    """Writes a number into every id, and takes it out again; that of the original is 0."""

    def __init__(self, number, ids):
        self.number = number
        self._ids = re.compile("|".join(sorted(ids, key=len, reverse=True)))

    def of(self, value):
        """Return a value of the original as this copy has it."""
        match value:
            case UUID():
                return UUID(int=value.int ^ self.number)
            case str() if type(value) is str:
                return self._ids.sub(rf"\g<0>~{self.number}", value)
            case dict() | tuple() | list():
                return self._of_items(value)
            case BaseModel():
                return value.model_copy(update=self._of_fields(value, type(value).model_fields))
            case _ if dataclasses.is_dataclass(value):
                names = [field.name for field in dataclasses.fields(value)]
                return dataclasses.replace(value, **self._of_fields(value, names))
        return value

    def _of_items(self, value):
        if isinstance(value, dict):
            return {key: self.of(item) for key, item in value.items()}
        items = map(self.of, value)
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)

    def _of_fields(self, value, names):
        return {name: self.of(getattr(value, name)) for name in names}


def number_in(values):
    """Return the number of the copy that a row is of; None if it is of none."""
    found = (_MARK.search(value) for value in values if isinstance(value, str))
    return next((int(mark[0][1:]) for mark in found if mark), None)


def original(value, number):
    """Return what a value of a copy is in the original."""
    match value:
        case UUID():
            return UUID(int=value.int ^ number)
        case str():
            return _MARK.sub("", value)
        case dict():
            return {key: original(item, number) for key, item in value.items()}
        case list():
            return [original(item, number) for item in value]
    return value
