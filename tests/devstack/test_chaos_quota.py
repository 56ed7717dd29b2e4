"""What the 17th invariant counts, and where it and the 13th have it from."""

import json

from devstack.chaos.quota import Arrivals, crowds, read_arrivals


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


class TestReadArrivals:
    def test_requests_of_the_payment_service_and_keys_of_whoever_makes_payments(self, tmp_path):
        ours, other = "Stripe/v1 PythonBindings/15", "python-requests"
        creates = {"line": "POST /v1/payment_intents", "key": "paid:payment_intent"}
        lines = [
            {"at": 1.0, **creates, "agent": ours},
            {"at": 2.0, **creates, "key": None, "agent": other},
            {"at": 3.0, "line": "POST /v1/refunds", "key": "refund", "agent": ours},
            {"at": 5.0, "late_since": 4.0},
        ]
        journal = tmp_path / "journal"
        journal.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"at": 6')

        assert read_arrivals(journal) == Arrivals(
            at=[1.0, 3.0],
            held_up=[(4.0, 5.0)],
            creating_keys=frozenset({"paid:payment_intent", ""}),
        )
