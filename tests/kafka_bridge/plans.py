"""What a statement costs, told by PostgreSQL in rows and not in seconds."""

from typing import Any

from django.db import connection


def explain(statement: str, parameters: list[Any]) -> dict[str, Any]:
    """Execute the statement and return its plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
        plan: dict[str, Any] = cursor.fetchone()[0][0]["Plan"]
    return plan


def rows_read(plan: dict[str, Any]) -> int:
    """All rows that the leaves of the plan looked at, kept or not."""
    below = sum(rows_read(part) for part in plan.get("Plans", []))
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return below or int(own * plan["Actual Loops"])


def pages_read(plan: dict[str, Any]) -> int:
    """How many pages of tables and indexes were touched."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
