import os
import subprocess
import sys
import time

import pytest

from devstack.chaos.clocks import RUNS_HERE, Clocks
from devstack.waiting import wait_until

pytestmark = pytest.mark.skipif(not RUNS_HERE, reason="Linux on x86-64 only")

TELLS = "import time, sys\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"

WAITS = """
import os, threading, time

end = time.monotonic() + 1
def count():
    while time.monotonic() < end:
        sum(range(1000))

threads = [threading.Thread(target=count) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(os.times().system / os.times().user)
"""


@pytest.fixture
def moved(tmp_path):
    return Clocks(tmp_path)


@pytest.fixture
def asked(moved):
    """Ask a process of the payment service how far its clocks are from ours."""
    environment = os.environ | moved.environment("payment")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", TELLS], env=environment, **pipes) as process:

        def asked():
            process.stdin.write("\n")
            process.stdin.flush()
            told = map(float, process.stdout.readline().split())
            ours = (time.time(), time.monotonic())
            return tuple(round((its - our) / 60) for its, our in zip(told, ours, strict=True))

        yield asked
        process.stdin.close()


def wait_for(asked, minutes):
    wait_until(lambda: asked() == (minutes, 0), what=f"a clock {minutes} minutes ahead", seconds=10)


def test_a_clock_is_moved_for_a_while_and_what_is_measured_is_not(moved, asked):
    wait_for(asked, 0)

    moved.move("payment", by="+26h", seconds=3)

    wait_for(asked, 26 * 60)
    wait_for(asked, 0)


def test_clocks_are_put_right_and_others_never_moved(moved, asked):
    moved.environment("customer")
    moved.move("customer", by="+1h", seconds=60)
    assert asked() == (0, 0)

    moved.move("payment", by="-1h", seconds=60)
    wait_for(asked, -60)
    moved.put_right()

    wait_for(asked, 0)


@pytest.mark.parametrize("offset", ["+0", "+1h"])
def test_threads_wait_for_the_interpreters_lock_as_without(moved, offset):
    environment = os.environ | moved.environment("payment")
    moved.move("payment", by=offset, seconds=60)

    printed = subprocess.check_output([sys.executable, "-c", WAITS], env=environment, text=True)
    moved.put_right()

    assert float(printed) < 0.5, "the time goes into waits that end at once"
