"""What the admin service's dashboards sum up: parts of the invariants about money and events."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from devstack.chaos.evidence import Evidence
from devstack.chaos.invariants.finding import Finding
from devstack.clients import Json
from devstack.hops import Row

_GRAINS: Final = ("hour", "day", "month")
_MEASURES: Final = ("count", "amount", "captured", "refunded")


def check_payments(finding: Finding, evidence: Evidence) -> None:
    """The sums that each measurement changes are those of the payments as they are now."""
    facts = _by_status(evidence.facts)
    for grain in _GRAINS:
        sums = _by_status(row for row in evidence.sums if row["grain"] == grain)
        for key in sorted(facts.keys() | sums.keys()):
            finding.equal(f"{key}: facts, sums by {grain}", facts.get(key), sums.get(key))


def nets(evidence: Evidence, currency: str) -> list[int]:
    """Return what was kept of all payments in a currency, by hours, days and months."""
    rows = [row for row in evidence.sums if row["currency"] == currency]
    return [
        sum(row["captured"] - row["refunded"] for row in rows if row["grain"] == grain)
        for grain in _GRAINS
    ]


def check_webhooks(finding: Finding, evidence: Evidence, processed: list[Json]) -> None:
    """Each webhook that was processed counts once, under its type and what became of it."""
    told = Counter((event["webhookEventType"], event["outcome"]) for event in processed)
    for grain in _GRAINS:
        counted = Counter[tuple[str, str]]()
        for row in evidence.webhook_sums:
            if row["grain"] == grain:
                counted[row["webhook_type"], row["outcome"]] += row["count"]
        for key in sorted(told.keys() | counted.keys()):
            finding.equal(f"{key}: processed, counted by {grain}", told[key], counted[key])


def _by_status(rows: Iterable[Row]) -> dict[tuple[str, str], tuple[int, ...]]:
    measured = {
        (row["currency"], row["status"]): tuple(row[measure] for measure in _MEASURES)
        for row in rows
    }
    return {key: measures for key, measures in measured.items() if any(measures)}
