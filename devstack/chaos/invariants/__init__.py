"""What must hold after a run, by number; each counts what it looked at."""

from collections.abc import Callable, Iterable
from typing import Final

from devstack.chaos.evidence import Evidence
from devstack.chaos.invariants import edges, events, money
from devstack.chaos.invariants.finding import Finding

_INVARIANTS: Final[tuple[Callable[[Evidence], Finding], ...]] = (
    money.one_charge_or_none,
    money.no_charge_unasked,
    money.legal_transitions,
    money.all_agree,
    money.sums_agree,
    events.outbox_is_on_its_topics,
    events.one_effect_each,
    events.order_is_kept,
    events.nothing_skipped,
    events.bad_records_are_dead,
    money.three_d_secure,
    edges.same_key_same_answer,
    money.nothing_final_before_it_is_known,
    edges.forged_webhooks,
    edges.nothing_secret_told,
    edges.all_comes_to_rest,
    edges.quota_is_kept,
)


def check(evidence: Evidence, *, earlier: Iterable[Finding] = ()) -> list[Finding]:
    """Check every invariant; one that found nothing to check is broken.

    `earlier` is what was found of some before the run's end.
    """
    findings = [invariant(evidence) for invariant in _INVARIANTS]
    by_number = {finding.number: finding for finding in findings}
    for found in earlier:
        by_number[found.number].add(found)
    for finding in findings:
        finding.close()
    return findings
