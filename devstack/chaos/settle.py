"""After the faults: whether the system comes to rest, and how long it takes."""

import contextlib
import json
from contextlib import closing
from typing import Final

import psycopg2
import requests

from devstack.chaos.clocks import Clocks
from devstack.chaos.processes import Processes
from devstack.chaos.weather import Weather
from devstack.hops import Trace
from devstack.management import ManagementCommandError
from devstack.running import RunningStack
from devstack.waiting import DeadlinePassedError, wait_until

SECONDS: Final = 240
"""The liveness bound: a lease of 20 s and the waits of some retries fit well."""
_BEAT_WITHIN: Final = 130
_RECORDED_SINCE: Final = "SELECT 1 FROM balance_watermark WHERE read_until > to_timestamp(%s)"
"""By a run that began since; the moment is PostgreSQL's, whose clock is the machine's."""


def heal(processes: Processes, weather: Weather, clocks: Clocks) -> str:
    """End every fault: thaw, send home, fair weather, all programs up. Return what is not."""
    clocks.put_right()
    processes.thaw_all()
    processes.send_extras_home()

    try:
        weather.clear_when_back()
        processes.wait_until_all_run()
    except DeadlinePassedError as error:
        return str(error)
    return ""


def settle(stack: RunningStack, weather: Weather, *, seconds: float = SECONDS) -> str:
    """Wait until nothing is on its way; return what still is if it never ends, else nothing."""
    waits_for = ""

    def at_rest() -> bool:
        nonlocal waits_for
        waits_for = _on_its_way(stack, weather)
        return not waits_for

    with contextlib.suppress(DeadlinePassedError):
        wait_until(at_rest, what="everything to come to rest", seconds=seconds, every=0.2)
    return waits_for


def wait_for_beat(stack: RunningStack, *, since: float) -> str:
    """Wait until beat has had the balance recorded since a moment; return what is wrong if not."""
    with closing(Trace(stack)) as trace:
        try:
            wait_until(
                lambda: trace.rows("payment", _RECORDED_SINCE, (since,)),
                what="beat to have the balance recorded, which it does every minute",
                seconds=_BEAT_WITHIN,
                every=0.5,
            )
        except DeadlinePassedError as error:
            return str(error)
    return ""


def _on_its_way(stack: RunningStack, weather: Weather) -> str:
    """Tell what still moves: the quick looks first, and once more behind the slow one."""
    try:
        for look in (_webhooks, _events, _behind, _webhooks, _events):
            if found := look(stack, weather):
                return found
    except (psycopg2.Error, requests.RequestException, ManagementCommandError) as error:
        return str(error)
    return ""


def _webhooks(_stack: RunningStack, weather: Weather) -> str:
    pending = weather.webhooks_pending()
    return f"{pending} webhooks to be delivered" if pending else ""


def _events(stack: RunningStack, _weather: Weather) -> str:
    try:
        stack.wait_until_settled(seconds=1)
    except DeadlinePassedError as error:
        return str(error)
    return ""


def _behind(stack: RunningStack, _weather: Weather) -> str:
    for service, printed in stack.manage_all("lag", "--json").items():
        lags = [lag for lag in json.loads(printed)["partitions"] if lag["lag"] != 0]
        if lags:
            return f"{service} is behind: {lags[0]}"
    return ""
