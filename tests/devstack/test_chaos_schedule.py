"""A run's schedule: the same for the same seed, and with everything in it that can go wrong."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.chaos.deck import disruptions
from devstack.chaos.gate import Gate
from devstack.chaos.orders import orders
from devstack.chaos.poisons import poisons_of
from devstack.chaos.schedule import plan
from devstack.chaos.steps import Action
from devstack.chaos.weather import WEATHERS
from devstack.chaos.wishes import wishes
from devstack.ports import Ports
from devstack.services import SERVICES, programs
from kafka_bridge.contracts import Topic

PROGRAMS = ("web", "consumer", "relay")
QUIET = (Action.POISON, Action.REPLAY, Action.FORGE)
DISRUPTIONS = set(Action) - {*QUIET, Action.WEATHER}
TOPICS = [str(topic) for topic in Topic]


def planned(seed, payments=300, **too):
    return plan(seed=seed, payments=payments, topics=TOPICS, **{"kafka_too": False, **too})


class TestPlan:
    @given(seed=st.integers(), payments=st.integers(min_value=20, max_value=2000))
    def test_seed_repeats_it(self, seed, payments):
        assert planned(seed, payments) == planned(seed, payments)
        assert orders(seed=seed, payments=20, customers=3) == orders(
            seed=seed, payments=20, customers=3
        )

    def test_another_seed_is_another_run(self):
        assert planned(1) != planned(2)

    @given(seed=st.integers())
    def test_each_step_falls_among_the_payments(self, seed):
        steps = planned(seed)

        assert [step.at for step in steps] == sorted(step.at for step in steps)
        assert all(0 <= step.at < 300 for step in steps)

    @given(seed=st.integers())
    def test_large_run_meets_everything(self, seed):
        steps = planned(seed, payments=1500, kafka_too=True, clocks_too=True)

        met = {(step.action, step.target, step.how) for step in steps}
        deck = disruptions(kafka_too=True, clocks_too=True)
        assert met >= {(card.action, card.target, card.how) for card in deck}
        assert {target for action, target, _ in met if action is Action.WEATHER} == set(WEATHERS)
        assert {target for action, target, _ in met if action is Action.POISON} == set(TOPICS)
        for action, target, how in met:
            assert action is not Action.POISON or how in poisons_of(target)

    @given(seed=st.integers())
    def test_run_of_ci_kills_each_kind_of_process(self, seed):
        steps = planned(seed)

        killed = {(step.target, step.how) for step in steps if step.action is Action.KILL}
        assert killed >= {
            *((f"{service}-{program}", "") for service in SERVICES for program in PROGRAMS),
            *((program, "") for program in ("customer-mailer", "payment-worker", "payment-beat")),
            *((server, "") for server in ("stripe-emulator", "postgres", "valkey")),
            *(("customer-web", "child"), ("admin-web", "child")),
        }
        assert {step.how for step in steps if step.action is Action.KILL_AFTER} == {
            *("answer", "poll", "produce", "acknowledgement", "commit")
        }
        disrupted = [step for step in steps if step.action in DISRUPTIONS]
        others = [step for step in disrupted if step.action is not Action.KILL]
        assert len(others) >= len(disrupted) / 2 - 1
        kills = [step.at for step in disrupted if step.action is Action.KILL]
        assert kills[0] < 150 < kills[-1]  # not all at one end

    def test_every_program_of_the_services_is_killed(self, tmp_path):
        started = {program.name for program in programs(tmp_path, Ports(tmp_path / "ports.json"))}

        assert started <= {step.target for step in planned(5) if step.action is Action.KILL}

    def test_clocks_are_moved_only_when_asked_for(self):
        assert not [step for step in planned(3, 3000) if step.action is Action.MOVE_CLOCK]

    def test_only_what_is_asked_for_goes_wrong(self):
        steps = planned(3, 1500, only="worker commit", weather="fair|lost")

        assert {step.target for step in steps if step.action not in QUIET} == {
            *("payment-worker", "fair", "lost answers")
        }

    @pytest.mark.parametrize("option", ["only", "weather"])
    def test_finding_nothing_is_no_quiet_run(self, option):
        with pytest.raises(LookupError, match="consumr"):
            planned(3, **{option: "consumr"})

    def test_broker_that_forgets_is_never_killed(self):
        steps = planned(3, payments=3000)

        assert not [step for step in steps if (step.action, step.target) == (Action.KILL, "kafka")]

    def test_no_consumer_is_told_to_leave_a_group_that_would_not_recover(self):
        stopped = {step.target for step in planned(3, 3000) if step.action is Action.STOP}

        assert stopped == {"customer-web", "payment-worker", "payment-relay"}


class TestOrders:
    def test_all_kinds_are_among_them(self):
        wanted = orders(seed=1, payments=500, customers=10)

        assert {order.expected for order in wanted} == {
            "succeeded",
            "requires_payment_method",
            "requires_action",
            "canceled",
        }
        assert any(order.clicks_twice for order in wanted)
        assert any(order.changes_the_body for order in wanted)
        assert len({order.currency for order in wanted}) == 4

    def test_some_customers_subscribe_too(self):
        wanted = wishes(seed=1, payments=500, customers=10)

        assert len(wanted) == 50
        assert {wish.expected for wish in wanted} == {
            ("active", "coffee-monthly", False),
            ("active", "coffee-monthly", True),
            ("active", "coffee-yearly", False),
            ("canceled", "coffee-monthly", False),
            ("incomplete", "coffee-monthly", False),
        }


class TestGate:
    def test_payments_go_slowly_while_a_step_is_due(self):
        gate = Gate(rate=1000, ahead=0.02)
        begun = []

        def pay():
            for number in range(200):
                gate.begin()
                begun.append(number)

        paying = threading.Thread(target=pay)
        gate.wait_for(0)
        paying.start()
        gate.wait_for(10)

        assert 9 <= len(begun) < 100
        gate.open()
        paying.join(10)
        assert len(begun) == 200
