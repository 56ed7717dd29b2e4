"""The worker: many calls in flight on one event loop, their outcomes settled many to a transaction.

One event loop a process, shared by Celery's threads: a thread or a process a call would cost more
than the call (docs/decisions/0004). The database stays in two threads of its own.
"""

import asyncio
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from uuid import UUID

import structlog
import uvloop

from kafka_bridge import lanes
from kafka_bridge.database import keep_no_query_log, until_it_works
from kafka_bridge.errors import OutcomeUnknown
from kafka_bridge.handlers import Delivery, delivered, handler_of, room_for_calls
from kafka_bridge.lanes import LEASE, Claim
from kafka_bridge.settlement import Outcome, read, settle
from kafka_bridge.tracing import handling

logger = structlog.get_logger(__name__)

T = TypeVar("T")

IN_FLIGHT: Final = 400
"""Calls at once in one process: at 300 ms each, 1,300 a second."""

_CALL_TIMEOUT: Final = 90.0
"""Seconds after which a call is given up, its outcome unknown; longer than the SDK's retries."""

_RENEW_EVERY: Final = LEASE.total_seconds() / 4

_SETTLE_AT_MOST: Final = 500

_ASK_FOR_ROOM: Final = 0.1
"""Seconds after which room for more calls is asked for again, where a quota limits them."""

_making: Final = threading.Lock()


class LaneWorker:
    """Works the lanes that are due, with at most `in_flight` calls at once."""

    def __init__(self, *, in_flight: int = IN_FLIGHT) -> None:
        self._in_flight = in_flight
        self._loop = uvloop.new_event_loop()
        self._claiming = ThreadPoolExecutor(1, "claim")
        self._settling = ThreadPoolExecutor(1, "settle")
        self._stop = threading.Event()
        self._hints = threading.Lock()
        self._draining = False
        self._hinted = False
        self._wake = asyncio.Event()
        # By lease too: a process that was frozen past its lease may claim an event again.
        self._leased: dict[tuple[UUID, UUID], Claim] = {}
        self._settled: asyncio.Queue[tuple[Outcome, asyncio.Future[None]]] = asyncio.Queue()
        threading.Thread(target=self._run_loop, name="calls", daemon=True).start()

    def drain(self) -> None:
        """Work lanes until none is due. If another thread is at it, tell it to look once more."""
        with self._hints:
            self._hinted = True
            if self._draining:
                self._loop.call_soon_threadsafe(self._wake.set)
                return
            self._draining = True
        try:
            while self._take_hint():
                asyncio.run_coroutine_threadsafe(self._drain(), self._loop).result()
        except BaseException:
            with self._hints:
                self._draining = False  # the next hint begins anew
            raise

    def stop(self) -> None:
        """Take no more lanes; what is in flight is finished and settled."""
        self._stop.set()

    def _take_hint(self) -> bool:
        with self._hints:
            self._draining = self._hinted and not self._stop.is_set()
            self._hinted = False
            return self._draining

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._background = [
            self._loop.create_task(forever())
            for forever in (self._settle_forever, self._renew_forever)
        ]
        self._loop.run_forever()

    async def _drain(self) -> None:
        working: set[asyncio.Task[None]] = set()
        while True:
            self._wake.clear()
            free = self._in_flight - len(working)
            room = min(free, room_for_calls())
            claims = await self._claim(room)
            working |= {asyncio.create_task(self._work(claim)) for claim in claims}
            if not working:
                return
            more = _ASK_FOR_ROOM if len(claims) == room < free else None
            woken = asyncio.create_task(self._wake.wait())
            await asyncio.wait({*working, woken}, timeout=more, return_when=asyncio.FIRST_COMPLETED)
            woken.cancel()
            for task in [task for task in working if task.done()]:
                working.discard(task)
                task.result()

    async def _claim(self, limit: int) -> list[Claim]:
        if limit == 0 or self._stop.is_set():
            return []
        return await self._in_thread(self._claiming, functools.partial(lanes.claim, limit))

    async def _work(self, claim: Claim) -> None:
        self._leased[claim.event_id, claim.lease] = claim
        try:
            outcome = await self._call(read(claim))
            settled = self._loop.create_future()
            self._settled.put_nowait((outcome, settled))
            await settled
        finally:
            del self._leased[claim.event_id, claim.lease]

    async def _call(self, outcome: Outcome) -> Outcome:
        event, claim = outcome.event, outcome.claim
        call = handler_of(type(event)).call if event is not None else None
        if event is None or call is None:
            return outcome
        try:
            delivery = Delivery(claim.received_at, claim.attempts, claim.age, event.timestamp)
            with handling(event), delivered(delivery):
                async with asyncio.timeout(_CALL_TIMEOUT):
                    answer = await call(event)
        except TimeoutError:
            unknown = OutcomeUnknown(f"no answer in {_CALL_TIMEOUT:.0f} seconds")
            return Outcome(claim, event=event, error=unknown)
        except asyncio.CancelledError:  # by somebody within the call: nobody cancels the worker's
            unknown = OutcomeUnknown("the call was cancelled")
            return Outcome(claim, event=event, error=unknown)
        except Exception as error:  # noqa: BLE001 - settlement decides, by the error's class
            return Outcome(claim, event=event, error=error)
        return Outcome(claim, event=event, answer=answer)

    async def _settle_forever(self) -> None:
        while True:
            batch = [await self._settled.get()]
            while not self._settled.empty() and len(batch) < _SETTLE_AT_MOST:
                batch.append(self._settled.get_nowait())
            outcomes = [outcome for outcome, _ in batch]
            try:
                await self._in_thread(self._settling, functools.partial(settle, outcomes))
            except Exception:
                # Their leases run out and they are worked again: nothing was recorded.
                logger.exception("settlement_failed", outcomes=len(outcomes))
            for _, settled in batch:
                settled.set_result(None)

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_EVERY)
            if claims := list(self._leased.values()):
                renew = functools.partial(lanes.renew, claims)
                try:
                    await self._in_thread(self._claiming, renew)
                except Exception:
                    logger.exception("leases_not_renewed", leases=len(claims))

    async def _in_thread(self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(
            executor, functools.partial(until_it_works, work, stop=self._stop)
        )


@functools.cache
def _only_worker() -> LaneWorker:
    keep_no_query_log()
    return LaneWorker()


def current_worker() -> LaneWorker:
    """The worker of this process, made when first needed: after Celery has forked, if it does."""
    with _making:  # or two threads at once would both make one
        return _only_worker()


def stop_worker() -> None:
    """Have the worker of this process, if there is one, take no more lanes."""
    if _only_worker.cache_info().currsize:
        _only_worker().stop()
