"""What the 17th invariant counts."""

from devstack.chaos.quota import Arrivals, crowds


def most(arrivals):
    return max((crowd.requests for crowd in crowds(arrivals, seconds=1)), default=0)


class TestCrowds:
    def test_requests_within_a_second_are_counted_together(self):
        assert most(Arrivals(at=[10.0, 10.2, 10.9, 11.1], held_up=[])) == 3

    def test_what_came_before_a_second_does_not_count_as_its_own(self):
        at_once = [10.5] * 20
        assert most(Arrivals(at=[*at_once, 11.3], held_up=[(10.0, 10.5)])) == 20
        assert most(Arrivals(at=[*at_once, *[11.3] * 20], held_up=[(10.0, 10.5)])) == 20

    def test_a_second_in_which_the_emulator_was_held_up_counts(self):
        assert most(Arrivals(at=[10.0, *[10.9] * 30], held_up=[(10.5, 10.9)])) == 31
