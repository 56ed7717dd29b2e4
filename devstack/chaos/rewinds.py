"""What a consumer has passed and does not have, seen before a rewind gives it all of it again."""

from contextlib import closing
from typing import Final

from devstack.chaos.invariants.events import passed_only_what_it_has, skipping
from devstack.chaos.invariants.finding import Finding
from devstack.chaos.records import Records
from devstack.hops import Trace
from devstack.running import RunningStack

_INBOX: Final = 'SELECT event_id::text, topic, partition, "offset" FROM kafka_bridge_inboxevent'
_LOGGED: Final = """
SELECT topic, partition, "offset" FROM event_log_loggedevent WHERE topic LIKE '%%.dlq'
"""


class Rewinds:
    """Checks the 9th invariant before each rewind of a run."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self.findings: list[Finding] = []

    def look(self, records: Records, service: str, topics: list[str]) -> None:
        """Check it of a service whose consumers are down.

        Raises:
            KafkaException, DeadlinePassedError: the broker does not tell.
            psycopg2.Error: the database does not.
        """
        finding = skipping()
        committed = records.committed(f"{service}-service", topics)
        with closing(Trace(self._stack)) as trace:
            inbox = trace.rows(service, _INBOX)
            logged = trace.rows(service, _LOGGED) if service == "admin" else []
        passed_only_what_it_has(
            finding,
            f"before a rewind, {service}",
            lags=committed,
            topics=records.all_of(topics),
            inbox={row["event_id"]: row for row in inbox},
            logged=logged,
        )
        self.findings.append(finding)
