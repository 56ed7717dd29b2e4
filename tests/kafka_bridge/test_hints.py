"""Hints to Celery's workers: given if Valkey is there, and never waited for."""

import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from django.conf import settings
from kombu import Connection
from kombu.exceptions import OperationalError

from kafka_bridge import tasks

pytestmark = pytest.mark.skipif(
    not hasattr(settings, "CELERY_BROKER_URL"),
    reason="this service has no Celery; the payment service's run has these tests",
)


def test_one_hint_for_so_many_lanes():
    with current_app.connection_for_write() as connection:
        queue = connection.SimpleQueue(current_app.conf.task_default_queue)
        queue.clear()

        tasks.wake_workers(lanes=2 * tasks.LANES_A_HINT + 1)

        assert queue.qsize() == 3
        queue.clear()
        queue.close()


def test_valkey_that_is_away_is_not_waited_for():
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    started = time.monotonic()

    with (
        Connection("redis://127.0.0.1:1", transport_options=options) as connection,
        pytest.raises(OperationalError),
    ):
        connection.default_channel  # noqa: B018 - connects

    assert time.monotonic() - started < 5


def test_valkey_that_says_nothing_is_not_waited_for_long():
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()

        with (
            Connection(url, transport_options=options) as connection,
            pytest.raises(OperationalError),
        ):
            connection.default_channel  # noqa: B018 - asks it for its version

        assert time.monotonic() - started < 15


def test_hints_and_sweeps_outlast_the_difference_of_two_clocks():
    sweep = settings.CELERY_BEAT_SCHEDULE["sweep-lanes"]
    assert not sweep.get("options")  # a sweep lives as long as any hint
    with current_app.connection_for_write() as connection:
        queue = connection.SimpleQueue(current_app.conf.task_default_queue)
        queue.clear()

        tasks.wake_workers(lanes=1)

        expires = datetime.fromisoformat(queue.get(timeout=5).headers["expires"])
        queue.clear()
        queue.close()
    assert expires - datetime.now(UTC) > timedelta(minutes=4)
