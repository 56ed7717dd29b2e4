"""Events that are entered."""

from collections.abc import Sequence

from admin_project.event_log import services as event_log
from admin_project.ledger import services
from kafka_bridge.contracts import BalanceTransactionRecorded
from kafka_bridge.handlers import handles


@handles(BalanceTransactionRecorded)
def enter(events: Sequence[BalanceTransactionRecorded]) -> None:
    """Log the balance transactions, and enter those that are new."""
    services.record_balance(event_log.append(events))
