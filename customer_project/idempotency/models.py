"""Requests that were accepted, by the keys that their askers gave them."""

from django.db import models


class IdempotencyKey(models.Model):
    """A key that was used, and what was answered."""

    asker = models.CharField(max_length=64)
    """Keys of different askers have nothing to do with each other."""
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    """SHA-256, to tell a repetition from another request with the same key."""
    status_code = models.PositiveSmallIntegerField()
    location = models.CharField(max_length=255)
    body = models.TextField()
    """As it was sent, byte for byte."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["asker", "key"], name="idempotency_key_of_asker"),
        )

    def __str__(self) -> str:
        return f"{self.asker} {self.key}"
