"""What the injector notes of a step."""

import pytest

from devstack.chaos import faults
from devstack.chaos.faults import Injector
from devstack.chaos.gate import Gate
from devstack.chaos.steps import Action, Step
from devstack.waiting import DeadlinePassedError


class Boundaries:
    """Kills at once, and has PostgreSQL back much later; nobody comes by at a commit."""

    def __init__(self, _stack, _processes):
        pass

    def kill(self, _program, *, after):
        if after == "commit":
            raise DeadlinePassedError("did not commit")
        return 123.0


@pytest.fixture
def injector(monkeypatch):
    monkeypatch.setattr(faults, "Boundaries", Boundaries)
    steps = [
        Step(at=0, action=Action.KILL_AFTER, target="payment-worker", how=how)
        for how in ("answer", "commit")
    ]
    others = dict.fromkeys(
        ("stack", "processes", "weather", "records", "forger", "lines", "clocks", "before_rewind")
    )
    injector = Injector(steps=steps, gate=Gate(rate=1), say=lambda _told: None, **others)
    injector.run()
    return injector


def test_kill_is_noted_with_its_own_moment(injector):
    assert [kill.at for kill in injector.kills] == [123.0]


def test_kill_that_did_not_come_about_is_none(injector):
    assert injector.count_kills() == {"payment-worker after its answer": 1}
    assert injector.happened[1].missed == "DeadlinePassedError: did not commit"
