import asyncio
import functools
import operator
import signal
import subprocess
import time
import uuid
from collections import Counter

import pytest
import redis
import stripe
from hypothesis import given
from hypothesis import strategies as st

from devstack.ports import Ports
from devstack.stripe_emulator.process import EmulatorProcess
from devstack.valkey import EmbeddedValkey
from devstack.waiting import wait_until
from kafka_bridge.errors import TryLater
from payment_project.stripe_gateway import limit_state, limits, rate_limiter, shared_state
from payment_project.stripe_gateway.limit_state import ALL, WINDOW, LimitState
from payment_project.stripe_gateway.limits import Gate, endpoint_of
from payment_project.stripe_gateway.rate_limiter import RateLimiter, Rates
from payment_project.stripe_gateway.shared_state import SharedState
from tests.payment.gated import UNLIMITED, callers, eventually, most_in, outcome_of

NOW = 1_800_000_000.0
PAYMENTS = "POST /v1/payment_intents"


@pytest.fixture(scope="module")
def emulator():
    with EmulatorProcess() as emulator:
        yield emulator


@pytest.fixture
def stripe_emulator(emulator):
    yield emulator
    emulator.faults()
    emulator.post("rate_limit", {"off": True})


@pytest.fixture
def key():
    """A state of the test's own."""
    return f"stripe_limits:test:{uuid.uuid4()}"


@pytest.fixture
def limits_url(settings):
    return settings.STRIPE_LIMITS_URL


arrivals = st.lists(
    st.tuples(st.floats(0, 2), st.integers(1, 40), st.sampled_from(["a", "b"])), max_size=60
)


class TestRate:
    @given(arrivals=arrivals, per_endpoint=st.integers(1, 30), in_all=st.integers(1, 40))
    def test_no_window_holds_more_than_the_limits(self, arrivals, per_endpoint, in_all):
        state, now = LimitState(), NOW
        begun = {ALL: [], "a": [], "b": []}
        for later, wanted, endpoint in arrivals:
            now += later
            granted, _ = state.take(
                now, wanted=wanted, limits={ALL: in_all, endpoint: per_endpoint}
            )
            assert 0 <= granted <= wanted
            begun[endpoint] += [now] * granted
            begun[ALL] += [now] * granted
            state = LimitState.decode(state.encode())
        assert most_in(WINDOW, begun[ALL]) <= in_all
        assert most_in(WINDOW, begun["a"]) <= per_endpoint
        assert most_in(WINDOW, begun["b"]) <= per_endpoint

    @given(arrivals=arrivals, limit=st.integers(1, 30))
    def test_a_call_that_waits_as_told_may_begin(self, arrivals, limit):
        state, now = LimitState(), NOW
        for later, wanted, endpoint in arrivals:
            now += later
            limits_ = {ALL: 2 * limit, endpoint: limit}
            granted, wait = state.take(now, wanted=wanted, limits=limits_)
            if granted < wanted:
                assert 0 < wait <= WINDOW
                assert state.take(now + wait + 0.001, wanted=1, limits=limits_)[0] == 1
                now += wait + 0.001

    @given(limit=st.integers(5, 200))
    def test_the_whole_rate_is_used(self, limit):
        state, now, begun = LimitState(), NOW, 0
        while now < NOW + 10:
            granted, wait = state.take(now, wanted=1000, limits={ALL: limit})
            begun += granted
            now += max(wait, 0.0001)
        assert begun >= 0.95 * 10 * limit

    def test_a_clock_that_is_put_back_stops_nobody(self):
        state = LimitState()
        state.take(NOW, wanted=100, limits={ALL: 5})

        assert state.take(NOW - 3600, wanted=1, limits={ALL: 5})[0] == 1


class TestSlowdown:
    def test_a_first_429_holds_for_a_moment(self):
        state = LimitState()

        assert state.slow_down(NOW, buckets=[ALL], retry_after=0) == 1.0
        assert state.take(NOW, wanted=1, limits={ALL: 25})[0] == 0
        assert state.take(NOW + 0.2, wanted=1, limits={ALL: 25})[0] == 1

    def test_another_429_halves_the_rate_which_comes_back(self):
        state = LimitState()
        state.slow_down(NOW, buckets=[ALL], retry_after=0)

        assert state.slow_down(NOW + 1.5, buckets=[ALL], retry_after=0) == 0.5
        assert state.share(ALL, NOW + 1.6) == pytest.approx(0.5)
        assert state.share(ALL, NOW + 3.6) == pytest.approx(0.7)
        assert state.share(ALL, NOW + 10) == 1.0

    def test_many_calls_that_meet_it_at_once_count_once(self):
        state = LimitState()
        for _ in range(50):
            share = state.slow_down(NOW, buckets=[ALL], retry_after=2)

        assert share == 0.5

    def test_stripe_says_how_long_to_wait(self):
        state = LimitState()
        state.slow_down(NOW, buckets=["a"], retry_after=7)

        assert state.take(NOW, wanted=3, limits={"a": 25}) == (0, pytest.approx(7))
        assert state.take(NOW, wanted=3, limits={"b": 25})[0] == 3

    def test_the_rate_never_falls_to_nothing(self):
        state = LimitState()
        for step in range(100):
            state.slow_down(NOW + 2 * step, buckets=[ALL], retry_after=0)

        assert state.take(NOW + 300, wanted=1, limits={ALL: 25})[0] == 1


async def granted_by(shared, *, calls):
    """Make calls one after the other, and return when they and others were let begin.

    By the shared state: a busy machine may notice each a moment after.
    """
    limiter, granted = RateLimiter(shared, Rates(50, 20)), Counter()
    for _ in range(calls):
        await limiter.take(PAYMENTS)
        granted |= Counter(shared.last.grants[PAYMENTS])
    await shared.close()
    return granted


class TestSharing:
    def test_processes_together_keep_the_rate(self, limits_url, key):
        async def run():
            states = [SharedState(limits_url, key=key) for _ in range(4)]
            return await asyncio.gather(*[granted_by(state, calls=12) for state in states])

        granted = functools.reduce(operator.or_, asyncio.run(run()))

        assert granted.total() == 48
        assert most_in(1.0, granted.elements()) <= 20
        assert max(granted) - min(granted) < 48 / 20 * 2

    def test_without_valkey_each_process_keeps_the_rate(self, key, unused_address):
        granted = asyncio.run(granted_by(SharedState(unused_address, key=key), calls=25))

        assert most_in(1.0, granted.elements()) <= 20

    def test_a_valkey_that_lost_everything_is_used_again(self, tmp_path, key, monkeypatch):
        monkeypatch.setattr(shared_state, "_AWAY", 0.0)

        async def run():
            with Valkey(tmp_path) as valkey:
                shared = SharedState(valkey.url, key=key)
                await take_one(shared)
                valkey.kill()
                await take_one(shared)
                valkey.start()
                await take_one(shared)
                other = SharedState(valkey.url, key=key)
                granted = await other.update(
                    lambda state, now: state.take(now, wanted=5, limits={ALL: 4})[0]
                )
                await shared.close()
                await other.close()
                return granted

        assert asyncio.run(run()) < 4

    def test_a_valkey_that_forgot_the_last_second_is_told_again(self, limits_url, key):
        async def run():
            shared = SharedState(limits_url, key=key)
            await take_one(shared)
            with redis.Redis.from_url(limits_url) as valkey:
                valkey.delete(key)
            other = SharedState(limits_url, key=key)
            granted = [
                await one.update(lambda state, now: state.take(now, wanted=5, limits={ALL: 1})[0])
                for one in (shared, other)
            ]
            await shared.close()
            await other.close()
            return granted

        assert asyncio.run(run()) == [0, 0]

    def test_what_valkey_was_not_told_counts_when_it_goes_on(self, tmp_path, key, monkeypatch):
        monkeypatch.setattr(shared_state, "_AWAY", 0.3)
        monkeypatch.setattr(shared_state, "_TIMEOUT", 0.05)
        monkeypatch.setattr(limit_state, "WINDOW", 60.0)

        async def run():
            with Valkey(tmp_path) as valkey:
                shared, other = (SharedState(valkey.url, key=key) for _ in range(2))
                await take_one(shared)
                valkey.freeze()
                await take_one(shared)  # Valkey gets to know of this one late
                await take_one(shared)
                valkey.thaw()
                await take_one(other)
                async with asyncio.timeout(5):
                    while len(shared_state.read_state(valkey.url, key=key)[0].grants[ALL]) < 4:
                        await shared.update(lambda _state, _now: None)
                        await asyncio.sleep(0.005)
                await shared.close()
                await other.close()

        asyncio.run(run())

    def test_no_url_keeps_the_limits_to_the_process(self):
        async def run():
            shared = SharedState("")
            return await take_one(shared)

        assert asyncio.run(run()) == 1


async def take_one(shared):
    return await shared.update(lambda state, now: state.take(now, wanted=1, limits={ALL: 100})[0])


class Valkey:
    def __init__(self, folder):
        self._server = EmbeddedValkey(folder, Ports(folder / "ports.json"))
        self.url = self._server.url

    def __enter__(self):
        self._server.prepare()
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        command = self._server.program.command
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self._server.is_ready, what="Valkey")

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def unused_address(tmp_path):
    return f"redis://127.0.0.1:{Ports(tmp_path / 'ports.json').get('nobody')}/0"


class TestCalls:
    def test_a_rate_that_stripe_enforces_is_used_and_kept(self, stripe_emulator, key):
        stripe_emulator.post("rate_limit", {"per_second": 100, "per_endpoint": 25})
        before = stripe_emulator.audit()["charges"]

        async def run():
            async with callers(
                stripe_emulator.url, number=2, key=key, rates=Rates(100, 25)
            ) as pair:
                await pair[0].pay()
                began = time.monotonic()
                await asyncio.gather(*[caller.pay() for caller in pair for _ in range(50)])
                took = time.monotonic() - began
                return took, sum(caller.gate.counts.rate_limited for caller in pair)

        took, limited = asyncio.run(run())

        assert stripe_emulator.audit()["charges"] == before + 101
        assert took < 2 * 100 / 25
        assert limited <= 10  # none on a quiet machine

    def test_a_rate_nobody_told_us_is_found(self, stripe_emulator, key):
        stripe_emulator.post("rate_limit", {"per_second": 100, "per_endpoint": 25})

        async def run():
            async with callers(stripe_emulator.url, key=key) as (caller,):
                await asyncio.gather(*[outcome_of(caller.pay()) for _ in range(60)])
                return await asyncio.gather(*[caller.pay() for _ in range(50)])

        paid = asyncio.run(run())

        assert all(intent["status"] == "succeeded" for intent in paid)

    def test_a_429_is_waited_out(self, stripe_emulator, key):
        too_many = {"action": "status", "status": 429, "headers": {"Retry-After": "1"}}
        stripe_emulator.faults({"match": PAYMENTS + "$", "times": 2, **too_many})

        async def run():
            async with callers(stripe_emulator.url, number=2, key=key, rates=Rates(100, 25)) as two:
                first, second = two
                paid = asyncio.create_task(first.pay())
                await eventually(lambda: first.gate.counts.rate_limited)
                began = time.monotonic()
                await second.pay()
                return await paid, time.monotonic() - began, two

        paid, waited, (first, second) = asyncio.run(run())

        assert paid["status"] == "succeeded"
        assert waited > 0.9
        assert first.gate.counts.rate_limited + second.gate.counts.rate_limited == 2

    def test_no_question_is_asked_again_past_the_gate(self, stripe_emulator, key):
        async def run():
            async with callers(stripe_emulator.url, key=key) as (caller,):
                paid = await caller.pay()
                stripe_emulator.faults({"match": "^GET ", "times": 1, "action": "drop_before"})
                return await outcome_of(caller.look(paid["id"]))

        assert isinstance(asyncio.run(run()), stripe.APIConnectionError)

    def test_calls_that_meet_at_one_object_slow_nobody_down(self, stripe_emulator, key):
        stripe_emulator.faults({"match": PAYMENTS + "$", "times": 1, "action": "lock_timeout"})

        async def run():
            async with callers(stripe_emulator.url, key=key, rates=Rates(100, 25)) as (caller,):
                await outcome_of(caller.pay())
                return caller.shared.last.slowdowns

        assert asyncio.run(run()) == {}

    def test_a_turn_that_comes_late_is_not_waited_for(self, stripe_emulator, key, monkeypatch):
        monkeypatch.setattr(rate_limiter, "LONGEST_WAIT", 0.3)

        async def run():
            async with callers(stripe_emulator.url, key=key, rates=Rates(0, 2)) as (caller,):
                return await asyncio.gather(*[outcome_of(caller.pay()) for _ in range(9)])

        outcomes = asyncio.run(run())

        late = [outcome for outcome in outcomes if isinstance(outcome, TryLater)]
        assert len(late) >= 6
        assert all(0 < error.seconds < 5 for error in late)


class TestRoom:
    def test_there_is_always_room_without_a_limit(self):
        async def run():
            return Gate(SharedState(""), UNLIMITED).room()

        assert asyncio.run(run()) > 1_000_000

    def test_only_what_soon_has_its_turn_finds_room(self):
        async def run():
            gate = Gate(SharedState(""), Rates(100, 25))
            before = gate.room()
            waiting = [asyncio.create_task(gate.call(PAYMENTS, answered)) for _ in range(30)]
            await eventually(lambda: gate.room() == 0)
            await asyncio.gather(*waiting)
            return before, gate.room()

        before, after = asyncio.run(run())

        assert before == 10
        assert after >= 10


async def answered():
    return b"", 200, {}


class TestStatus:
    def test_status_is_read_from_valkey(self, settings, limits_url, key, monkeypatch):
        monkeypatch.setattr(limits, "read_state", lambda url: shared_state.read_state(url, key=key))

        async def run():
            shared = SharedState(limits_url, key=key)
            await shared.update(lambda state, now: state.take(now, wanted=3, limits={ALL: 25}))
            await shared.update(
                lambda state, now: state.circuit.open(now, reason="Stripe does not answer")
            )
            await shared.close()

        asyncio.run(run())

        status = limits.status()
        assert (status.circuit, status.reason) == ("open", "Stripe does not answer")
        assert 4 < status.seconds <= 5
        assert status.calls_last_second == 3
        assert status.shared

    def test_status_says_when_nothing_is_shared(self, settings, unused_address):
        settings.STRIPE_LIMITS_URL = unused_address

        assert limits.status() == limits.Status(circuit="unknown", shared=False)


@pytest.mark.parametrize(
    ("method", "url", "endpoint"),
    [
        ("post", "https://api.stripe.com/v1/payment_intents", "POST /v1/payment_intents"),
        (
            "post",
            "http://127.0.0.1:8004/v1/payment_intents/pi_3MtwBwLkdIwHu7ix28a3tqPa/confirm",
            "POST /v1/payment_intents/{id}/confirm",
        ),
        ("get", "https://api.stripe.com/v1/customers/cus_NffrFeUfNV2Hib", "GET /v1/customers/{id}"),
        (
            "get",
            "https://api.stripe.com/v1/balance_transactions?limit=3",
            "GET /v1/balance_transactions",
        ),
        (
            "delete",
            "https://api.stripe.com/v1/subscriptions/sub_1MowQVLkdIwHu7ixeRlqHVzs",
            "DELETE /v1/subscriptions/{id}",
        ),
    ],
)
def test_an_endpoint_is_a_path_without_ids(method, url, endpoint):
    assert endpoint_of(method, url) == endpoint
