"""What it costs to find nothing: `python -m devstack.bench.polls`, in a service's environment.

Reads the services' database URLs from standard input, and prints for each the milliseconds that the
relay's look at the outbox takes, and the claim of lanes that are due, as JSON: medians, with the
round trip to PostgreSQL.
"""

import json
import statistics
import sys
import time
from contextlib import closing
from typing import Any, Final

import django
import psycopg2

_TIMES: Final = 200


def main() -> None:
    """Time the statements that are run again and again while nothing happens."""
    django.setup()
    urls: dict[str, str] = json.load(sys.stdin)
    print(json.dumps({service: _polls(url) for service, url in urls.items()}))


def _polls(url: str) -> dict[str, float]:
    from kafka_bridge import lanes, outbox, relay  # noqa: PLC0415 - needs Django's apps

    look = (relay._SELECT, [list(range(outbox.SHARDS)), [], relay.BATCH])  # noqa: SLF001
    claim = (lanes._CLAIM, {"limit": relay.BATCH, "lease": None, "time": str(lanes.LEASE)})  # noqa: SLF001
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(relay._PLAIN_SCANS)  # noqa: SLF001
        milliseconds = {"relay": _milliseconds(cursor, *look)}
        connection.rollback()  # the relay's settings end; as below, nothing is ever committed
        return milliseconds | {"lanes": _milliseconds(cursor, *claim)}


def _milliseconds(cursor: Any, statement: str, parameters: Any) -> float:
    times = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        cursor.execute(statement, parameters)
        times.append((time.perf_counter() - began) * 1000)
        assert cursor.fetchall() == []  # noqa: S101 - or there was something to do
    return statistics.median(times)


if __name__ == "__main__":
    main()
