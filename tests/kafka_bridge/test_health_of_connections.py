"""A request takes over the connection of the one before, unless the server ended it."""

import pytest
from django.db import connection

from devstack.waiting import wait_until
from tests.kafka_bridge.connections import elsewhere


def asked(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0]


def session():
    return asked("SELECT pg_backend_pid()")


@pytest.fixture
def next_request():
    """What `request_started` does: the connection is checked before its next statement."""
    return connection.close_if_unusable_or_obsolete


def test_one_that_was_left_alone_is_taken_over_unasked(next_request):
    pid = session()
    next_request()
    connection.close_if_health_check_failed()  # as its next statement would

    with elsewhere() as others:
        last = "SELECT query FROM pg_stat_activity WHERE pid = %s"
        assert "pg_backend_pid" in others.run(lambda: asked(last, pid)).result()

    assert session() == pid


def test_one_that_the_server_ended_is_replaced(next_request):
    pid = session()
    with elsewhere() as others:
        others.run(lambda: asked("SELECT pg_terminate_backend(%s)", pid)).result()
        alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        wait_until(
            lambda: not others.run(lambda: asked(alive, pid)).result(), what="its end", seconds=10
        )

    next_request()

    assert session() != pid


def test_one_that_was_closed_here_is_replaced(next_request):
    pid = session()
    connection.connection.close()

    next_request()

    assert session() != pid


def test_what_the_server_wrote_is_no_end(next_request):
    with connection.cursor() as cursor:
        cursor.execute("LISTEN news")
    pid = session()
    with elsewhere() as others:
        others.run(lambda: asked("SELECT pg_notify('news', '')")).result()

    next_request()

    assert session() == pid
