"""Figures are those of one moment, whatever is recorded or made again while they are read."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from django.db import connection
from django.utils import timezone

from admin_project.analytics.models import ExchangeRate, PaymentFact
from admin_project.analytics.services import rebuild as rebuilding
from admin_project.analytics.services.rebuild import rebuild
from admin_project.dashboard import selectors
from admin_project.dashboard.choices import Choice
from admin_project.dashboard.snapshot import snapshot
from tests.admin.conftest import measured
from tests.admin.test_rebuild import take

URL = "/admin/dashboard/"
WITHIN = 30


def pay():
    take([measured(requested_at=timezone.now())])


@pytest.fixture
def elsewhere():
    """Start something over a connection of its own."""

    def run(do):
        try:
            return do()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        yield lambda do: pool.submit(run, do)


@contextmanager
def after_the_first_query_of(table, do):
    done = []

    def watch(execute, sql, *given):
        found = execute(sql, *given)
        if sql.startswith("SELECT") and table in sql and not done:
            done.append(do())
        return found

    with connection.execute_wrapper(watch):
        yield
    assert done


@pytest.mark.django_db(transaction=True)
class TestOneMoment:
    def test_what_is_paid_while_the_page_is_read_shows_at_the_next_look(
        self, admin_client, elsewhere
    ):
        pay()

        def shown():
            told = admin_client.get(URL).context
            (brand,) = told["told"]["breakdowns"]["card_brand"]
            return (
                told["told"]["totals"]["now"]["count"],
                brand["figures"]["count"],
                len(told["newest"]),
            )

        with after_the_first_query_of(
            "analytics_paymentaggregate", lambda: elsewhere(pay).result(WITHIN)
        ):
            assert shown() == (1, 1, 1)
        assert shown() == (2, 2, 2)

    @pytest.mark.parametrize("url", [URL + "figures.json", "/api/analytics/figures/"])
    def test_exports_and_the_api_are_of_one_moment_too(self, admin_client, elsewhere, url):
        pay()
        with after_the_first_query_of(
            "analytics_paymentaggregate", lambda: elsewhere(pay).result(WITHIN)
        ):
            told = admin_client.get(url).json()

        assert told["totals"]["now"]["count"] == 1
        assert told["breakdowns"]["card_brand"][0]["figures"]["count"] == 1

    def test_a_rebuild_does_not_take_the_tables_away(self, elsewhere):
        pay()
        waits_or_is_done = threading.Event()
        with patch.object(rebuilding.time, "sleep", lambda _: waits_or_is_done.set()):
            with snapshot():
                # The first query settles what is seen: not the last rows of new tables.
                assert not ExchangeRate.objects.exists()
                rebuilt = elsewhere(rebuild)
                rebuilt.add_done_callback(lambda _: waits_or_is_done.set())
                assert waits_or_is_done.wait(WITHIN)

                assert PaymentFact.objects.count() == 1
            assert set(rebuilt.result(WITHIN).values()) == {0}

    def test_rebuilds_beside_readers_show_nothing_wrong(self, elsewhere):
        pay()
        choice = Choice(now=timezone.now())
        rebuilt = elsewhere(lambda: [rebuild() for _ in range(3)])

        for _ in range(30):
            assert selectors.everything(choice)["totals"]["now"]["count"] == 1
        assert all(set(one.values()) == {0} for one in rebuilt.result(WITHIN))
