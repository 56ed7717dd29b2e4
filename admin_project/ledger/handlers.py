"""Events that are entered, or that the entries are compared with."""

from collections.abc import Sequence

from admin_project.event_log import services as event_log
from admin_project.ledger import services
from kafka_bridge.contracts import BalanceCounted, BalanceTransactionRecorded
from kafka_bridge.handlers import handles


@handles(BalanceTransactionRecorded)
def enter(events: Sequence[BalanceTransactionRecorded]) -> None:
    """Log the balance transactions, and enter those that are new."""
    services.record(event_log.append(events))


@handles(BalanceCounted)
def note_count(events: Sequence[BalanceCounted]) -> None:
    """Log the counts, and note those that are the newest of their days."""
    services.record(event_log.append(events))
