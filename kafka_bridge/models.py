"""The outbox, the inbox, and the lanes that the inbox is worked in."""

from django.db import models
from django.db.models import Q


class OutboxEvent(models.Model):
    """A record that must reach its topic. Written by `outbox.publish`, produced by the relay."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    topic = models.CharField(max_length=249)
    key = models.CharField(max_length=255)
    shard = models.SmallIntegerField()
    value = models.BinaryField()
    headers = models.JSONField()
    correlation_id = models.UUIDField(db_index=True)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "outbox event"
        indexes = (
            models.Index(
                fields=["id"], name="outbox_unpublished", condition=Q(published_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"


class InboxEvent(models.Model):
    """A record as it came, stored before its offset is committed.

    Pending until `handled_at` or `dead_at` is set. While an event is pending, its key has a lane.
    `fingerprint` tells which dead events failed alike; `original_value` is what came, if an
    operator has edited `value`.
    """

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    topic = models.CharField(max_length=249)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    key = models.CharField(max_length=255)
    value = models.BinaryField(null=True)
    original_value = models.BinaryField(null=True)
    headers = models.JSONField()
    correlation_id = models.UUIDField(db_index=True)
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error_type = models.CharField(max_length=255, blank=True)
    error = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=16, blank=True, db_default="")

    class Meta:
        verbose_name = "inbox event"
        permissions = (
            ("view_private_data", "Can see the private data of events"),
            ("retry_inboxevent", "Can retry dead letters"),
            ("edit_inboxevent", "Can edit dead letters before a retry"),
            ("discard_inboxevent", "Can discard dead letters"),
            ("dry_run_inboxevent", "Can try dead letters in a transaction that is rolled back"),
        )
        indexes = (
            models.Index(
                fields=["key", "id"],
                name="inbox_pending",
                condition=Q(handled_at__isnull=True, dead_at__isnull=True),
            ),
            models.Index(
                fields=["-dead_at"], name="inbox_dead", condition=Q(dead_at__isnull=False)
            ),
            models.Index(
                fields=["fingerprint", "dead_at"],
                name="inbox_dead_alike",
                condition=Q(dead_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"


class DeadLetter(InboxEvent):
    """The dead events of the inbox, as a list of their own in Django admin."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "dead letter"


class Lane(models.Model):
    """A key with pending events, which are handled one after the other.

    `available_at` is when its first event may be tried: now, after a retry's wait, or when the
    lease of the worker that has it runs out. Whoever settles an event must still hold `lease`.
    `waits_for` says why the last try parked it.
    """

    key = models.CharField(max_length=255, primary_key=True)
    available_at = models.DateTimeField(db_index=True)
    lease = models.UUIDField(null=True, blank=True)
    waits_for = models.TextField(blank=True, db_default="")

    class Meta:
        verbose_name = "lane"

    def __str__(self) -> str:
        return self.key
