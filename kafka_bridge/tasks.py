"""Celery's part. A message is a hint that lanes have work; the inbox is the queue.

So nothing is lost with Celery's broker: the sweep gives the hint again.
"""

import math
from typing import Final

import structlog
from celery import shared_task
from celery.signals import worker_shutting_down
from kombu.exceptions import OperationalError

from kafka_bridge.worker import current_worker, stop_worker

logger = structlog.get_logger(__name__)

LANES_A_HINT: Final = 100
"""How many lanes' work one message stands for, so that large batches reach several workers."""

HINT_LIFETIME: Final = 300.0
"""Seconds after which a hint that nobody took is dropped, by the clock of whoever would take it: so
much the clocks of two machines may differ. The sweep's hints live as long."""


@shared_task(ignore_result=True, expires=HINT_LIFETIME)
def drain_lanes() -> None:
    """Work the lanes that are due, until none is."""
    current_worker().drain()


@worker_shutting_down.connect
def finish_what_is_in_flight(**_: object) -> None:
    """Take no more lanes, so that a warm shutdown ends and leaves no lane leased."""
    stop_worker()


def wake_workers(*, lanes: int) -> None:
    """Tell the workers that lanes have work. If Celery's broker is away, the sweep will."""
    try:
        for _ in range(math.ceil(lanes / LANES_A_HINT)):
            drain_lanes.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("celery_unavailable", error=str(error))
