"""`python -m devstack.chaos.planted`: exits 0 if every bug is caught."""

import argparse
import sys

from devstack.chaos.planted import BUGS, run_planted
from devstack.stack import KAFKA_CHOICES


def main() -> int:
    """Run the named bugs, or all, and say which were caught."""
    parser = argparse.ArgumentParser(prog="python -m devstack.chaos.planted")
    parser.add_argument("names", nargs="*", metavar="NAME", help="bugs; all of them if none")
    parser.add_argument("--kafka", choices=KAFKA_CHOICES, default="embedded")
    options = parser.parse_args()
    missed = 0
    for bug in BUGS:
        if options.names and bug.name not in options.names:
            continue
        verdict = run_planted(bug, kafka=options.kafka)
        missed += not verdict.is_caught
        print(f"{bug.name}: {'caught' if verdict.is_caught else 'MISSED'}", flush=True)
        for number, example in sorted(verdict.broken.items()):
            print(f"    {number}: {example[:200]}", flush=True)
        if not verdict.broken:
            print(verdict.output[-3000:], flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
