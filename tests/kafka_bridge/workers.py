"""Workers that end with the test; a process's own lives as long as the process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from devstack.waiting import wait_until
from kafka_bridge.worker import LaneWorker


@contextmanager
def running_worker(**options: int) -> Iterator[LaneWorker]:
    worker = LaneWorker(**options)
    try:
        yield worker
    finally:
        close(worker)


def close(worker: LaneWorker) -> None:
    """Stop a worker's threads and connections."""
    worker.stop()
    for executor in (worker._claiming, worker._settling):
        executor.submit(connections.close_all).result()
        executor.shutdown()
    asyncio.run_coroutine_threadsafe(_cancel_all_others(), worker._loop).result()
    worker._loop.call_soon_threadsafe(worker._loop.stop)
    wait_until(lambda: not worker._loop.is_running(), what="the worker's loop to stop")
    worker._loop.close()


async def _cancel_all_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
