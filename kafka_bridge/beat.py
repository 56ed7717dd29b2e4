"""Beat's scheduler, which a clock that is put back does not stop."""

from typing import Any

from celery.beat import PersistentScheduler


class Scheduler(PersistentScheduler):
    """Celery's; by itself it would run nothing until it is as late again as it was before."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due. Returns for how many seconds nothing will be."""
        for entry in self.schedule.values():
            now = entry.default_now()
            if entry.last_run_at and entry.last_run_at > now:
                entry.last_run_at = now
                self._heap = None  # in which every entry has its moment by the clock before
        return super().tick(*args, **kwargs)
