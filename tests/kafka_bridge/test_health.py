from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from kafka_bridge import inbox
from kafka_bridge.errors import InvalidEvent
from kafka_bridge.health import Finding, health_urls
from kafka_bridge.models import OutboxEvent
from tests.kafka_bridge.noted import noted, record_of, record_with, work_until_idle


class NotNow(Exception):
    """A handler's own trouble."""


def unpublished(*, seconds_old: float) -> OutboxEvent:
    return OutboxEvent.objects.create(
        event_id=uuid4(),
        topic="webhook.processed",
        key="c1",
        shard=0,
        value=b"{}",
        headers={},
        correlation_id=uuid4(),
        created_at=timezone.now() - timedelta(seconds=seconds_old),
    )


@pytest.fixture
def no_database(monkeypatch):
    """The database's address answers no more."""
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", 1)
        yield
        connection.close()


def test_all_is_well(client, settings):
    answer = client.get("/health/")

    assert answer.status_code == 200
    facts = answer.json()
    assert facts["service"] == settings.SERVICE_NAME
    assert (facts["status"], facts["problems"]) == ("ok", [])
    assert facts["database"] == {"available": True}
    assert facts["outbox"] == {"unpublished": 0, "oldest_seconds": 0.0}
    assert facts["inbox"] == {"pending": 0, "parked": 0, "dead": 0}
    assert "no-store" in answer["Cache-Control"]


def test_database_is_away(client, no_database):
    answer = client.get("/health/")

    assert answer.status_code == 503
    assert answer.json()["database"] == {"available": False}
    assert any(problem.startswith("database: ") for problem in answer.json()["problems"])
    assert client.get("/health/live/").status_code == 503


def test_young_events_in_the_outbox_are_no_problem(client):
    unpublished(seconds_old=1)

    answer = client.get("/health/")

    assert answer.status_code == 200
    assert answer.json()["outbox"]["unpublished"] == 1
    assert 1 <= answer.json()["outbox"]["oldest_seconds"] < 20


def test_outbox_that_nobody_relays_is(client):
    unpublished(seconds_old=90)

    answer = client.get("/health/")

    assert answer.status_code == 503
    assert "relay_outbox" in answer.json()["problems"][0]
    assert client.get("/health/live/").status_code == 200


def test_pending_parked_and_dead_events_are_counted(client, ledger):
    ledger.refuse = lambda event: {1: NotNow(), 2: InvalidEvent("no")}.get(event.number)
    inbox.receive([record_with(b"no JSON"), record_of(noted("c1", 1)), record_of(noted("c1", 3))])
    inbox.receive([record_of(noted("c2", 2))])
    work_until_idle()

    answer = client.get("/health/")

    assert answer.json()["inbox"] == {"pending": 2, "parked": 2, "dead": 2}
    assert answer.status_code == 200


def test_a_services_own_check_counts():
    urls = health_urls(stripe=lambda: Finding({"circuit": "open"}, "no calls"))

    answer = urls[0].callback(RequestFactory().get("/health/"))

    assert answer.status_code == 503
    assert b'"problems": ["stripe: no calls"]' in answer.content


def test_nothing_is_changed_by_asking(client):
    assert client.post("/health/").status_code == 405
