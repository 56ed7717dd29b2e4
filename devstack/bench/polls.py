"""What it costs to find nothing: `python -m devstack.bench.polls`, in a service's environment.

Prints the milliseconds that the relay's look at the outbox takes, and the claim of lanes that are
due, as JSON: medians, with the round trip to PostgreSQL.
"""

import json
import statistics
import time
from typing import Any, Final

import django

_TIMES: Final = 200


def main() -> None:
    """Time the statements that are run again and again while nothing happens."""
    django.setup()
    from kafka_bridge import lanes, outbox, relay  # noqa: PLC0415 - needs Django's apps

    look = [list(range(outbox.SHARDS)), [], relay.BATCH]
    claim = {"limit": relay.BATCH, "lease": None, "time": str(lanes.LEASE)}
    milliseconds = {
        "relay": _milliseconds(relay._SELECT, look, settings=relay._PLAIN_SCANS),  # noqa: SLF001
        "lanes": _milliseconds(lanes._CLAIM, claim),  # noqa: SLF001
    }
    print(json.dumps(milliseconds))


def _milliseconds(statement: str, parameters: Any, *, settings: str = "") -> float:
    from django.db import connection, transaction  # noqa: PLC0415

    times = []
    with transaction.atomic(), connection.cursor() as cursor:
        if settings:
            cursor.execute(settings)
        for _ in range(_TIMES):
            began = time.perf_counter()
            cursor.execute(statement, parameters)
            times.append((time.perf_counter() - began) * 1000)
            assert cursor.fetchall() == []  # noqa: S101 - or there is something to do
    return statistics.median(times)


if __name__ == "__main__":
    main()
