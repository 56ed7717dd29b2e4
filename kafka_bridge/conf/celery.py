"""Settings of a service whose handlers do I/O, and so needs Celery."""

from typing import Final

from kafka_bridge.conf.base import env

SWEEP_INTERVAL: Final = 1.0
"""Seconds between two sweeps, and so the resolution of a retry's wait."""

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A hint is not worth waiting for: by default a consumer would wait six seconds a batch for Valkey.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_connect_timeout": 1.0,
    # More than the second for which a worker's connection waits for a hint.
    "socket_timeout": 5.0,
    # Nor is it worth keeping until it is acknowledged: a worker that cannot tell a Valkey that
    # just went away ends, because it wants to put the hint back (Kombu 5.7.0).
    "ack_emulation": False,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "kafka_bridge.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = SWEEP_INTERVAL
# The inbox is the queue and a message only a hint that it has work, so messages may be lost.
CELERY_BEAT_SCHEDULE = {
    "sweep-lanes": {
        "task": "kafka_bridge.tasks.drain_lanes",
        "schedule": SWEEP_INTERVAL,
    }
}
