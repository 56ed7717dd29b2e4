import os
import subprocess
import sys

import pytest

from devstack.chaos.clocks import RUNS_HERE, Clocks
from devstack.waiting import wait_until

pytestmark = pytest.mark.skipif(not RUNS_HERE, reason="Linux on x86-64 only")

WATCHES = """
import time
from kafka_bridge.broker.clock import end_when_put_back

end_when_put_back()
while True:
    print(time.time(), flush=True)
    time.sleep(0.05)
"""


@pytest.fixture
def clocks(tmp_path):
    return Clocks(tmp_path)


@pytest.fixture
def process(clocks):
    environment = os.environ | clocks.environment("payment")
    command = [sys.executable, "-c", WATCHES]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def clock_of(process):
    return float(process.stdout.readline())


def wait_for_clock(process, later_than):
    wait_until(lambda: clock_of(process) > later_than, what=f"clock {later_than}", seconds=10)


def test_a_process_ends_when_its_clock_is_put_back(clocks, process):
    clock_of(process)

    clocks.move("payment", by="-1h", seconds=60)

    printed, _ = process.communicate(timeout=10)
    assert process.returncode == os.EX_SOFTWARE
    assert "clock_put_back" in printed


def test_it_goes_on_when_its_clock_is_put_forward_and_ends_when_that_is_put_right(clocks, process):
    a_day_later = clock_of(process) + 26 * 3600
    clocks.move("payment", by="+26h", seconds=60)
    wait_for_clock(process, a_day_later)
    wait_for_clock(process, a_day_later + 4)  # looks later it still goes on

    clocks.put_right()

    process.communicate(timeout=10)
    assert process.returncode == os.EX_SOFTWARE
