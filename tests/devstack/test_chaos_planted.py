"""The bugs that a chaos run must catch. Running them all takes minutes: `-m large`."""

import pytest

from devstack.chaos.planted import BUGS, run_planted, tree_with

EACH = pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])


@EACH
def test_patch_fits_the_code(bug):
    with tree_with(bug) as tree:
        assert (tree / "manage_scripts" / "chaos.py").exists()


@pytest.mark.large
@pytest.mark.timeout(600)
@EACH
def test_bug_is_caught(bug):
    verdict = run_planted(bug)

    assert verdict.is_caught, verdict.broken or verdict.output[-3000:]
