"""The circuit breaker: while Stripe does not answer, nobody calls it but a probe now and then."""

import asyncio
from typing import Final

import structlog

from kafka_bridge.errors import TryLater
from payment_project.stripe_gateway.limit_state import Circuit, LimitState
from payment_project.stripe_gateway.shared_state import SharedState

logger = structlog.get_logger(__name__)

REPORT_EVERY: Final = 0.5
"""Seconds after which a process that calls Stripe tells the others how that went, and hears."""
_PROBE_RUNS: Final = 2.0
_KEY_REFUSED: Final = 30.0


class CircuitBreaker:
    """Opens when calls fail, for all processes. Belongs to one event loop."""

    def __init__(self, shared: SharedState) -> None:
        self._shared = shared
        self._successes = 0
        self._failures = 0
        self._reported_at = 0.0
        self._reporting: asyncio.Task[None] | None = None

    @property
    def circuit(self) -> Circuit:
        """The circuit as this process saw it last."""
        return self._shared.last.circuit

    @property
    def opens_for(self) -> float:
        """Seconds until a call may be made; 0 if the circuit is closed or a probe is due."""
        circuit = self.circuit
        return max(0.0, circuit.open_until - self._shared.now()) if circuit.is_open else 0.0

    async def check(self) -> None:
        """Refuse a call while the circuit is open.

        Raises:
            TryLater: the circuit is open.
        """
        if self._shared.now() - self._reported_at > REPORT_EVERY:
            await self.report()
        self._refuse_while_open()

    def _refuse_while_open(self) -> None:
        if seconds := self.opens_for:
            raise TryLater(self.circuit.reason, seconds=seconds)

    async def begin(self) -> bool:
        """Begin a call. Returns whether it is the probe of an open circuit.

        While the circuit is closed nothing is waited for: the call has had its turn.

        Raises:
            TryLater: the circuit is open, or another call is its probe.
        """
        self._refuse_while_open()
        if not self.circuit.is_open:
            return False
        if await self._shared.update(lambda state, now: state.circuit.begin_probe(now)):
            logger.info("stripe_probe")
            return True
        circuit = self._shared.last.circuit
        if circuit.is_open:
            raise TryLater(circuit.reason, seconds=self.opens_for or _PROBE_RUNS)
        return False

    async def succeeded(self, *, probe: bool) -> None:
        """Note that Stripe answered, be it with a refusal."""
        self._successes += 1
        if probe and await self._shared.update(lambda state, _: state.circuit.close()):
            logger.info("stripe_circuit_closed")

    async def failed(self, *, probe: bool) -> None:
        """Note that Stripe did not answer, or not as it should."""
        self._failures += 1
        if probe:
            await self._open(reason="Stripe does not answer", at_least=0.0, probe=True)
        else:
            await self.report()

    async def key_refused(self, *, probe: bool) -> None:
        """Stop all calls: our key is wrong, and the next call's would be too."""
        await self._open(reason="Stripe refuses our key", at_least=_KEY_REFUSED, probe=probe)

    async def report(self) -> None:
        """Tell the others what was counted since the last report, and hear of the circuit."""
        if self._reporting is None:
            self._reporting = asyncio.create_task(self._report())
        await asyncio.shield(self._reporting)

    async def _report(self) -> None:
        try:
            successes, failures = self._successes, self._failures
            self._successes = self._failures = 0
            self._reported_at = self._shared.now()
            if await self._shared.update(
                lambda state, now: state.circuit.report(now, successes=successes, failures=failures)
            ):
                self._log_opening()
        finally:
            self._reporting = None

    async def _open(self, *, reason: str, at_least: float, probe: bool) -> None:
        def open_it(state: LimitState, now: float) -> bool:
            # An answer to a call from before the opening is no news.
            return (probe or not state.circuit.is_open) and (
                state.circuit.open(now, reason=reason, at_least=at_least) or probe
            )

        if await self._shared.update(open_it):
            self._log_opening()

    def _log_opening(self) -> None:
        logger.error(
            "stripe_circuit_opened",
            reason=self.circuit.reason,
            seconds=round(self.opens_for, 1),
            openings=self.circuit.openings,
        )
