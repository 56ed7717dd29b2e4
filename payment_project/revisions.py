"""Revisions: the numbers by which other services tell a newer state of a row from an older one."""

from datetime import UTC, datetime
from typing import Final

_BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)


def above_all_told(now: datetime) -> int:
    """Return a revision above all that a row can have had until `now`, if nobody knows which.

    A row that was deleted, or is that of a backup, may have been told of at any; the others would
    take what is told at a lower one for old. These are seconds: no row changes each second.
    """
    return int((now - _BEGINNING).total_seconds())
