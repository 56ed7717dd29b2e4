import asyncio
import itertools
import uuid

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from devstack.stripe_emulator.process import EmulatorProcess
from kafka_bridge.errors import TryLater
from payment_project.stripe_gateway import circuit_breaker, limit_state
from payment_project.stripe_gateway.circuit_breaker import CircuitBreaker
from payment_project.stripe_gateway.limit_state import Circuit
from payment_project.stripe_gateway.rate_limiter import Rates
from payment_project.stripe_gateway.shared_state import SharedState
from tests.payment.gated import callers, eventually, outcome_of

NOW = 1_800_000_000.0
PAYMENTS = "POST /v1/payment_intents$"


@pytest.fixture(scope="module")
def emulator():
    with EmulatorProcess() as emulator:
        yield emulator


@pytest.fixture
def stripe_emulator(emulator):
    yield emulator
    emulator.faults()


@pytest.fixture
def key():
    """A state of the test's own."""
    return f"stripe_limits:test:{uuid.uuid4()}"


@pytest.fixture
def quick(monkeypatch):
    """Let a circuit open for a moment only."""
    monkeypatch.setattr(limit_state, "_FIRST_OPENING", 1.5)
    monkeypatch.setattr(circuit_breaker, "_KEY_REFUSED", 1.5)


class TestCircuit:
    def test_failures_open_it(self):
        circuit = Circuit()

        assert not circuit.report(NOW, successes=0, failures=4)
        assert circuit.report(NOW + 1, successes=0, failures=1)
        assert circuit.is_open

    def test_a_few_failures_among_many_calls_do_not(self):
        circuit = Circuit()

        assert not circuit.report(NOW, successes=100, failures=40)
        assert not circuit.report(NOW + 0.5, successes=100, failures=90)

    def test_failures_far_apart_do_not(self):
        circuit = Circuit()

        opened = [circuit.report(NOW + 20 * n, successes=0, failures=2) for n in range(50)]

        assert not any(opened)

    def test_successes_of_long_ago_count_no_more(self):
        circuit = Circuit()
        circuit.report(NOW, successes=100_000, failures=0)

        assert circuit.report(NOW + 300, successes=0, failures=6)

    def test_it_opens_longer_each_time_a_probe_fails(self):
        circuit, openings = Circuit(), []
        for _ in range(6):
            circuit.open(NOW, reason="down")
            openings.append(circuit.open_until - NOW)

        assert openings == [5, 10, 20, 40, 60, 60]

    def test_it_begins_anew_when_it_was_closed(self):
        circuit = Circuit()
        circuit.open(NOW, reason="down")
        circuit.open(NOW, reason="down")
        circuit.close()
        circuit.open(NOW, reason="down")

        assert circuit.open_until == NOW + 5

    @given(askers=st.lists(st.floats(0, 60), min_size=1, max_size=40))
    def test_at_any_time_it_has_one_probe(self, askers):
        circuit = Circuit()
        circuit.open(NOW, reason="down")

        probes = [after for after in sorted(askers) if circuit.begin_probe(NOW + after)]

        assert all(after >= 5 for after in probes)
        assert all(later - earlier > 29.99 for earlier, later in itertools.pairwise(probes))


class TestOutage:
    def test_an_outage_stops_all_processes_and_a_probe_ends_it(self, stripe_emulator, key, quick):
        stripe_emulator.faults({"match": PAYMENTS, "action": "drop_before"})

        async def run():
            async with callers(stripe_emulator.url, number=2, key=key) as (first, second):
                failed = await until_refused(first)
                assert not isinstance(failed[0], TryLater)
                called = hits(stripe_emulator)
                refused = [await outcome_of(caller.pay()) for caller in (first, second)]
                assert all(isinstance(error, TryLater) for error in refused)
                assert hits(stripe_emulator) == called
                assert first.gate.room() == second.gate.room() == 0

                await until_due(first)
                assert first.gate.room() == 1
                async with asyncio.timeout(10):
                    while hits(stripe_emulator) == called:  # Valkey's clock may be a bit behind
                        await outcome_of(first.pay())
                assert hits(stripe_emulator) == called + 1
                assert first.shared.last.circuit.openings == 2

                stripe_emulator.faults()
                assert (await paid(second))["status"] == "succeeded"
                assert (await paid(first))["status"] == "succeeded"
                assert not second.shared.last.circuit.is_open
                assert first.gate.room() > 1000

        asyncio.run(run())

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_errors_of_stripes_servers_are_an_outage(self, stripe_emulator, key, status):
        stripe_emulator.faults({"match": PAYMENTS, "action": "status", "status": status})

        async def run():
            async with callers(stripe_emulator.url, key=key) as (caller,):
                return await until_refused(caller)

        assert len(asyncio.run(run())) == 5

    def test_one_call_probes_while_the_others_wait(self, stripe_emulator, key, quick):
        stripe_emulator.faults({"match": PAYMENTS, "action": "status", "status": 503})

        async def run():
            async with callers(stripe_emulator.url, number=3, key=key) as three:
                await until_refused(three[0])
                stripe_emulator.faults({"match": PAYMENTS, "action": "latency", "seconds": 0.2})
                await until_due(three[0])
                calls = [outcome_of(caller.pay()) for caller in three for _ in range(10)]
                outcomes = await asyncio.gather(*calls)
                return outcomes, hits(stripe_emulator)

        outcomes, called = asyncio.run(run())

        assert sum(isinstance(outcome, TryLater) for outcome in outcomes) == 29
        assert called == 1

    def test_calls_that_wait_for_their_turn_are_sent_away(self, stripe_emulator, key):
        stripe_emulator.faults({"match": PAYMENTS, "action": "status", "status": 500})

        async def run():
            async with callers(stripe_emulator.url, key=key, rates=Rates(0, 10)) as (caller,):
                async with asyncio.timeout(3):
                    return await asyncio.gather(*[outcome_of(caller.pay()) for _ in range(200)])

        outcomes = asyncio.run(run())

        assert sum(isinstance(outcome, TryLater) for outcome in outcomes) > 180

    def test_declines_and_our_own_mistakes_are_no_outage(self, stripe_emulator, key):
        async def run():
            async with callers(stripe_emulator.url, key=key) as (caller,):
                for card in ["pm_card_visa_chargeDeclined", "pm_nobody_has"] * 10:
                    error = await outcome_of(caller.pay(payment_method=card))
                    assert isinstance(error, stripe.CardError | stripe.InvalidRequestError)
                return await caller.pay()

        assert asyncio.run(run())["status"] == "succeeded"

    def test_a_replayed_500_is_no_outage(self, stripe_emulator, key):
        async def run():
            async with callers(stripe_emulator.url, key=key) as (caller,):
                for _ in range(20):
                    await caller.gate.call(
                        PAYMENTS, lambda: answer(500, {"Idempotent-Replayed": "true"})
                    )
                return await caller.pay()

        assert asyncio.run(run())["status"] == "succeeded"

    def test_a_closed_one_holds_no_call_that_has_had_its_turn(self):
        beginning = CircuitBreaker(SharedState("redis://127.0.0.1:9/0")).begin()

        with pytest.raises(StopIteration) as ended:  # it has not awaited anything
            beginning.send(None)
        assert ended.value.value is False

    def test_it_works_without_valkey(self, stripe_emulator, key):
        stripe_emulator.faults({"match": PAYMENTS, "action": "drop_before"})

        async def run():
            async with callers(stripe_emulator.url, key=key, valkey_url="") as (caller,):
                return await until_refused(caller)

        assert len(asyncio.run(run())) == 5


class TestKeyRefused:
    def test_all_stop_at_once_and_begin_again_when_the_key_is_right(
        self, stripe_emulator, key, quick
    ):
        stripe_emulator.faults({"match": PAYMENTS, "times": 1, "action": "status", "status": 401})

        async def run():
            async with callers(stripe_emulator.url, number=2, key=key) as (first, second):
                await outcome_of(first.pay())
                refused = await outcome_of(second.pay())
                assert isinstance(refused, TryLater)
                assert "key" in str(refused)
                assert (await paid(second))["status"] == "succeeded"

        asyncio.run(run())


async def answer(status, headers):
    return b"{}", status, headers


async def until_refused(caller):
    """Call until the gate lets none through, and return what the calls before that raised."""
    raised = []
    while not isinstance(error := await outcome_of(caller.pay()), TryLater):
        raised.append(error)
        assert len(raised) < 20
    return raised


async def until_due(caller):
    """Wait until the circuit as this caller sees it lets a call through."""
    await eventually(lambda: caller.shared.last.circuit.open_until <= caller.shared.now())


async def paid(caller):
    """Pay as the lane does: later, if it is too early."""
    while isinstance(outcome := await outcome_of(caller.pay()), TryLater):
        await until_due(caller)
    return outcome


def hits(emulator):
    return sum(fault["hits"] for fault in emulator.get("faults"))
