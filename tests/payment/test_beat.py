from datetime import timedelta

import pytest
from celery import Celery
from celery.schedules import BaseSchedule
from celery.utils.imports import symbol_by_name

from kafka_bridge.beat import Scheduler
from kafka_bridge.conf import celery as conf


@pytest.fixture
def scheduler(tmp_path):
    app = Celery(set_as_current=False)
    app.conf.result_expires = None  # or Celery adds an entry of its own
    app.conf.beat_schedule = {
        name: {"task": name, "schedule": seconds}
        for name, seconds in (("often", 1), ("seldom", 60))
    }
    scheduler = Scheduler(app, schedule_filename=str(tmp_path / "schedule"))
    yield scheduler
    scheduler.close()


@pytest.fixture
def sent(scheduler, monkeypatch):
    sent = []
    monkeypatch.setattr(scheduler, "apply_entry", lambda entry, **_: sent.append(entry.name))
    return sent


def run(scheduler):
    """Tick until nothing is due, and return for how long."""
    while not (seconds := scheduler.tick()):
        pass
    return seconds


def be(scheduler, monkeypatch, *, ahead):
    now = scheduler.app.now() + ahead
    monkeypatch.setattr(BaseSchedule, "now", lambda _: now)


def test_the_services_use_it():
    assert symbol_by_name(conf.CELERY_BEAT_SCHEDULER) is Scheduler


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=26)])
def test_a_clock_that_is_put_back_stops_nothing(scheduler, sent, monkeypatch, ahead):
    with monkeypatch.context() as moved:
        be(scheduler, moved, ahead=ahead)
        run(scheduler)
    assert sorted(sent) == ["often", "seldom"]

    assert run(scheduler) <= 1
    be(scheduler, monkeypatch, ahead=timedelta(seconds=61))
    run(scheduler)

    assert sorted(sent) == ["often", "often", "seldom", "seldom"]
