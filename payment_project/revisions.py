"""Revisions: the numbers by which other services tell a newer state of a row from an older one."""

from datetime import UTC, datetime, timedelta
from typing import Final

_BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)
_FRESH: Final = timedelta(minutes=1)


def above_all_told(now: datetime) -> int:
    """Return a revision above all that a row can have had until `now`, if nobody knows which.

    A row that was deleted, or is that of a backup, may have been told of at any; the others would
    take what is told at a lower one for old. These are seconds: no row changes each second.
    """
    return int((now - _BEGINNING).total_seconds())


def told_before(asked_at: datetime, *, now: datetime) -> int:
    """Return the highest revision that others may know of a row which a request makes now.

    None as long as the request is fresh. One that is not may have made the row before, in the
    database whose backup this is: it comes again, as the consumer's offsets were set back.
    """
    return 0 if now - asked_at < _FRESH else above_all_told(now)
