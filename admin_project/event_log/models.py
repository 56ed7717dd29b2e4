"""The event log: what happened in the other services, append only."""

from django.db import models


class LoggedEvent(models.Model):
    """An event without what is secret or personal."""

    event_id = models.UUIDField(primary_key=True)
    number = models.BigIntegerField(unique=True, editable=False)
    """Given by the database, rising; a number is see migration 0002."""
    topic = models.CharField(max_length=249)
    customer_id = models.CharField(max_length=255, db_index=True)
    correlation_id = models.UUIDField(db_index=True)
    causation_id = models.UUIDField(null=True, blank=True)
    source = models.CharField(max_length=64)
    content = models.JSONField()
    partition = models.IntegerField(null=True, blank=True)
    offset = models.BigIntegerField(null=True, blank=True)
    occurred_at = models.DateTimeField(db_index=True)
    received_at = models.DateTimeField(null=True, blank=True)
    """When its record was stored in the inbox here."""
    logged_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "event"

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"
