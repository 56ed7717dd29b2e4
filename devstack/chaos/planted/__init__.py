"""Bugs that a run must catch: patches of the product, each applied to a copy of the tree.

`python -m devstack.chaos.planted [NAME…]` runs them. A patch's first line says what the bug is.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devstack.paths import PYTHON, ROOT, STATE

_FOLDER: Final = Path(__file__).parent
_NOT_COPIED: Final = shutil.ignore_patterns(".git", ".venv", ".devstack", "__pycache__", ".*_cache")
_SEED: Final = 7


@dataclass(frozen=True, kw_only=True)
class PlantedBug:
    """A bug, the run that must catch it, and invariants of which it must break at least one."""

    name: str
    breaks: frozenset[int]
    only: str = ""
    weather: str = ""
    payments: int = 120

    @property
    def patch(self) -> Path:
        """The unified diff."""
        return _FOLDER / f"{self.name}.patch"


BUGS: Final = (
    PlantedBug(
        name="random-idempotency-key", only="payment-worker (answer|commit)", breaks=frozenset({1})
    ),
    PlantedBug(
        name="new-key-for-each-attempt",
        only="payment-worker answer",
        weather="fair|half answers",  # which a call does not repeat by itself
        breaks=frozenset({1}),
    ),
    PlantedBug(name="offset-before-inbox", only="consumer poll", breaks=frozenset({9, 16})),
    PlantedBug(name="marked-before-acknowledged", only="relay produce", breaks=frozenset({6, 16})),
    PlantedBug(name="repetitions-are-new", only="consumer commit", breaks=frozenset({7})),
    PlantedBug(name="float-money", only="admin", breaks=frozenset({4, 5})),
    PlantedBug(
        name="handled-before-its-effect", only="payment-worker answer", breaks=frozenset({1, 16})
    ),
    PlantedBug(
        name="effect-before-repetition-is-seen", only="rewind|consumer", breaks=frozenset({7})
    ),
    PlantedBug(
        name="second-relay-without-shards", only="freeze kafka|relay produce", breaks=frozenset({8})
    ),
    PlantedBug(
        name="delivery-error-swallowed",
        only="freeze kafka|relay produce",
        breaks=frozenset({6, 16}),
    ),
    PlantedBug(name="no-sweep", only="valkey|worker", breaks=frozenset({16})),
    PlantedBug(
        name="bad-record-stops-its-partition", only="beat", breaks=frozenset({10}), payments=60
    ),
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run found of a planted bug."""

    bug: PlantedBug
    broken: dict[int, str]
    """Broken invariants, each with an example."""
    output: str

    @property
    def is_caught(self) -> bool:
        """Whether the run broke what it should."""
        return bool(self.bug.breaks & self.broken.keys())


def run_planted(bug: PlantedBug, *, kafka: str = "embedded") -> Verdict:
    """Run chaos on a copy of the tree that has the bug."""
    with tree_with(bug) as tree:
        done = subprocess.run(
            [
                *(PYTHON, "-m", "devstack.chaos", "--json", "--kafka", kafka, "--settle", "45"),
                *("--seed", str(_SEED), "--payments", str(bug.payments)),
                *("--only", bug.only, "--weather", bug.weather),
            ],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
        )
    return Verdict(bug=bug, broken=_broken(done.stdout), output=done.stdout + done.stderr)


@contextmanager
def tree_with(bug: PlantedBug) -> Iterator[Path]:
    """Make a copy of the tree and apply the bug's patch; it is gone in the end.

    Raises:
        subprocess.CalledProcessError: the patch does not fit the code any more.
    """
    STATE.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="planted-", dir=STATE))
    tree = folder / "tree"
    try:
        shutil.copytree(ROOT, tree, ignore=_NOT_COPIED)
        (tree / ".devstack").mkdir()
        if (jars := STATE / "apache-kafka").exists():
            (tree / ".devstack" / "apache-kafka").symlink_to(jars)
        subprocess.run(
            ["git", "apply", str(bug.patch)],
            cwd=tree,
            env=os.environ | {"GIT_CEILING_DIRECTORIES": str(folder)},  # or it finds our repository
            check=True,
        )
        yield tree
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _broken(output: str) -> dict[int, str]:
    lines = output.strip().splitlines()
    try:
        report: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, json.JSONDecodeError):
        return {}  # it did not even end
    found = {int(number): finding for number, finding in report["invariants"].items()}
    return {
        number: finding["examples"][0] for number, finding in found.items() if finding["violations"]
    }
