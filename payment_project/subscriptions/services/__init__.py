"""What changes a subscription, and what is published of it."""

from payment_project.subscriptions.services.asking import asked_of
from payment_project.subscriptions.services.discarded import fail_discarded, refuse_discarded
from payment_project.subscriptions.services.dunning import end_unpaid, policy_of_settings
from payment_project.subscriptions.services.money_back import record_money_back
from payment_project.subscriptions.services.requests import (
    CHANGES,
    possible_changes,
    request_change,
)
from payment_project.subscriptions.services.snapshots import (
    Applied,
    SnapshotChange,
    apply_snapshots,
)

__all__ = [
    "CHANGES",
    "Applied",
    "SnapshotChange",
    "apply_snapshots",
    "asked_of",
    "end_unpaid",
    "fail_discarded",
    "policy_of_settings",
    "possible_changes",
    "record_money_back",
    "refuse_discarded",
    "request_change",
]
