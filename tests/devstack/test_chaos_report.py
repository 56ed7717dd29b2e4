"""What a run's report says, and when the run has failed."""

import shlex

import pytest

from devstack.chaos.faults import Happened
from devstack.chaos.invariants.finding import Finding
from devstack.chaos.options import command_of, parse
from devstack.chaos.recovery import Recovery
from devstack.chaos.report import Report
from devstack.chaos.steps import Action, Step


def kill(target, *, missed="", how=""):
    action = Action.KILL_AFTER if how else Action.KILL
    return Happened(step=Step(at=7, action=action, target=target, how=how), at=1.0, missed=missed)


def report(*happened, broken=False, restricted=False):
    finding = Finding(number=1, title="one charge")
    finding.check(not broken, "two charges")
    return Report(
        command="chaos.py",
        seed=1,
        broker="embedded",
        payments=300,
        restricted=restricted,
        findings=[finding],
        happened=happened,
        kills={},
        recovery=Recovery(seconds={}, any_progress=[], payment_seconds=[]),
        load_seconds=1,
        settle_seconds=1,
        total_seconds=2,
    )


class TestReport:
    def test_broken_invariant_fails_the_run(self):
        assert report().ok
        assert not report(broken=True).ok

    def test_kill_that_was_not_taken_is_told(self):
        found = report(kill("payment-relay"), kill("payment-relay", how="commit", missed="none"))

        assert found.ok
        assert (
            "Planned and not taken, by number of payments: 7 kill after payment-relay commit"
            in (list(found.lines()))
        )

    def test_program_that_was_never_killed_fails_the_run(self):
        missed = kill("payment-beat", missed="not there")

        found = report(kill("payment-web"), missed)
        assert not found.ok
        assert not found.as_json()["ok"]
        assert found.as_json()["never_killed"] == ["payment-beat"]
        assert [line for line in found.lines() if "payment-beat was to be killed" in line]
        assert report(missed, restricted=True).ok


class TestCommand:
    @pytest.mark.parametrize(
        "given",
        [
            [],
            ["--payments=60", "--seed=9", "--rate=12", "--kafka=apache", "--clocks", "--settle=45"],
            ["--only=worker (answer|commit)", "--weather=it's fair"],
        ],
    )
    def test_repeats_the_run(self, given):
        options = parse(given)

        program, *words = shlex.split(command_of(options))[1:]
        assert program == "manage_scripts/chaos.py"
        assert parse(words) == options

    def test_always_tells_seed_and_payments(self):
        assert command_of(parse(["--json"])).endswith("chaos.py --payments=300 --seed=1")

    def test_is_in_the_report(self):
        assert report().as_json()["command"] == "chaos.py"
