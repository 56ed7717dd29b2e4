"""The command line of a run: read, and written again for whoever repeats the run."""

import argparse
import shlex
from typing import Final

from devstack.chaos.schedule import usual_rate
from devstack.chaos.settle import SECONDS
from devstack.stack import KAFKA_CHOICES

PATIENCE: Final = 2.5
"""How many times as long as the system has to come to rest its clients wait for something."""
_ABOUT_THE_OUTPUT: Final = ("plan", "json")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="chaos.py", description="Kill everything while customers pay; count every cent."
    )
    parser.add_argument("--payments", type=int, default=300, help="how many (300)")
    parser.add_argument("--seed", type=int, default=1, help="repeats a run's schedule (1)")
    parser.add_argument("--rate", type=float, help="payments a second (5; of 1,000 or more 12)")
    parser.add_argument("--kafka", choices=KAFKA_CHOICES, default="embedded")
    parser.add_argument(
        "--only", default="", help="disruptions that this regular expression finds, as in --plan"
    )
    parser.add_argument("--weather", default="", help="the same for how Stripe behaves")
    parser.add_argument(
        "--settle",
        type=float,
        default=SECONDS,
        help=f"seconds to be answered after the faults, and to come to rest after the clients"
        f" ({SECONDS:g}); clients wait {PATIENCE:g} times as long",
    )
    parser.add_argument("--clocks", action="store_true", help="move the services' clocks as well")
    parser.add_argument("--plan", action="store_true", help="print the schedule and do nothing")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, on one line")
    options = parser.parse_args(arguments)
    options.rate = options.rate or usual_rate(options.payments)
    return options


def command_of(options: argparse.Namespace) -> str:
    """Write the command line that repeats a run's schedule: all of it that is not the default."""
    same = parse([f"--payments={options.payments}"])
    usual = {**vars(same), "payments": None, "seed": None}  # which are always told
    given = {
        name: value
        for name, value in vars(options).items()
        if value != usual[name] and name not in _ABOUT_THE_OUTPUT
    }
    told = (f"--{name}" if value is True else f"--{name}={value}" for name, value in given.items())
    return shlex.join(["python3", "manage_scripts/chaos.py", *told])
