"""Sums that are kept up to date by what changes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model

from admin_project.analytics.models import Grain
from kafka_bridge import bulk

K = TypeVar("K", bound=tuple[Any, ...])


class Changes(Generic[K]):
    """Differences by key, one row of sums each. Measures are in the order of the fields."""

    def __init__(self) -> None:
        self._by_key: dict[K, list[int]] = {}

    def add(self, key: K, measures: Sequence[int]) -> None:
        """Add to the differences of a key."""
        sums = self._by_key.get(key)
        if sums is None:
            self._by_key[key] = list(measures)
        else:
            for index, measure in enumerate(measures):
                sums[index] += measure

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Return each key with its measures, where they differ from nothing, ordered by key."""
        for key in sorted(self._by_key):
            if any(self._by_key[key]):
                yield (*key, *self._by_key[key])


def starts_of(moment: datetime) -> list[tuple[str, datetime]]:
    """Return the hour, the day and the month that a moment is in, each with its grain."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    return [
        (Grain.HOUR.value, hour),
        (Grain.DAY.value, day),
        (Grain.MONTH.value, day.replace(day=1)),
    ]


def apply(model: type[Model], changes: Changes[Any]) -> None:
    """Add the changes to the model's rows. Its composite primary key comes first in its fields.

    Rows are locked in the order of their keys, so that writers wait for each other in a line. A row
    of nothing is no row: a recount would not make it.
    """
    rows = list(changes.rows())
    if rows:
        bulk.add(model, rows)
