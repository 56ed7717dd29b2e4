"""The event log: what happened in the other services, append only."""

from django.db import models


class LoggedEvent(models.Model):
    """An event without what is secret or personal."""

    event_id = models.UUIDField(primary_key=True)
    topic = models.CharField(max_length=249)
    customer_id = models.CharField(max_length=255, db_index=True)
    correlation_id = models.UUIDField(db_index=True)
    causation_id = models.UUIDField(null=True, blank=True)
    source = models.CharField(max_length=64)
    content = models.JSONField()
    occurred_at = models.DateTimeField(db_index=True)
    logged_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "event"

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"
