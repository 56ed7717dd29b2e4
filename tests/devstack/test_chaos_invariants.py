"""A run in which all went well breaks nothing; each thing that goes wrong breaks its invariant."""

from dataclasses import replace

import pytest

from devstack.chaos import invariants
from devstack.chaos.evidence import Ledger
from devstack.chaos.invariants.finding import Finding
from devstack.chaos.journal import Journal
from devstack.chaos.quota import Arrivals
from tests.devstack import wrong_edges, wrong_events, wrong_payments
from tests.devstack.going_wrong import WRONG
from tests.devstack.healthy_run import healthy

NUMBERS = range(1, 18)
_READ = (wrong_edges, wrong_events, wrong_payments)


def broken(evidence):
    return {one.number: one.violations for one in invariants.check(evidence) if one.violations}


def test_healthy_evidence_breaks_nothing():
    assert broken(healthy()) == {}


def test_everything_is_looked_at():
    assert all(finding.checked for finding in invariants.check(healthy()))


@pytest.mark.parametrize(("number", "change"), WRONG, ids=[change.__name__ for _, change in WRONG])
def test_what_is_wrong_breaks_its_invariant(number, change):
    evidence = healthy()

    assert number in broken(change(evidence) or evidence)


def test_one_answer_is_compared_with_nothing():
    finding = Finding(number=12, title="")

    finding.equal("answers", "the only one")

    assert finding.checked == 0


def test_each_invariant_can_be_broken():
    assert {number for number, _ in WRONG} == set(NUMBERS)


def test_evidence_of_nothing_breaks_every_invariant():
    evidence = healthy()
    nothing = {
        name: type(value)() for name, value in vars(evidence).items() if isinstance(value, list)
    }
    empty = Ledger(payments={}, subscriptions={}, paid=[], outbox=[], inbox=[], lanes=[])
    lost = replace(
        evidence,
        **nothing,
        ledgers=dict.fromkeys(evidence.ledgers, empty),
        known_customers={},
        topics={},
        lags={name: [] for name in evidence.lags},
        logs={},
        journal=Journal(),
        arrivals=Arrivals(at=[], held_up=[]),
        audit={"per_metadata": {}, "per_idempotency_key": {}, "per_currency": {}},
    )

    assert sorted(broken(lost)) == [*NUMBERS]
