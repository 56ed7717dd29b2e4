"""All figures of one moment, whatever is recorded or made again while they are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction

from admin_project.analytics.services.rebuild import REBUILT

# What a transaction sees is settled by its first query, which LOCK TABLE is not. Without the locks
# a rebuild could take its tables' place after that: they would be read without their last rows.
# https://www.postgresql.org/docs/current/sql-lock.html
_BEGIN: Final = f"""
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
LOCK TABLE {", ".join(REBUILT)} IN ACCESS SHARE MODE
"""


@contextmanager
def snapshot() -> Iterator[None]:
    """Read all that is read within at one moment; within a transaction, as that sees it."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_BEGIN)
        yield
