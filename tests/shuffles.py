"""Shuffles that hypothesis draws: what comes first, what comes again, and when."""

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

TOGETHER = 200
"""How many are tried side by side: so they cost less, and Hypothesis draws few more at once."""
_LOTS = 32
IN_ORDER = bytes(_LOTS)


class Chance:
    """Makes one choice after the other by the lots that were drawn.

    If all are 0, it always chooses the first: so whatever is given it in order stays in order.
    """

    def __init__(self, lots):
        self._all = self._left = int.from_bytes(lots)

    def choice(self, options):
        """Choose one of them. When all lots are used up, they begin anew."""
        self._left, which = divmod(self._left or self._all, len(options))
        return options[which]


def in_any_order(check, *, times, number=0):
    """Call `check` with the lots of many shuffles, of which the first leave all in order.

    It is called until `times` others were tried: those of this number, the same in each run.
    """
    together = min(times, TOGETHER)
    size = together * _LOTS
    tried = set()

    @seed(number)
    @settings(
        max_examples=1 - -times // together,  # the first has nothing but zeros
        database=None,
        phases=[Phase.generate],  # of two hundred at once, it would take minutes to find fewer
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(min_size=size, max_size=size))
    def try_some(drawn):
        lots = [drawn[first : first + _LOTS] for first in range(0, size, _LOTS)]
        tried.update(lots)
        check(list(dict.fromkeys([IN_ORDER, *lots])))

    try_some()
    assert len(tried - {IN_ORDER}) >= times
