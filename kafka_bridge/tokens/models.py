"""What is kept of a token."""

from enum import StrEnum
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone


class ScopedToken(models.Model):
    """Lets a system in for some scopes. Only its holder knows the token itself."""

    beginning: ClassVar[str]
    """What each token of a kind begins with, so that people and scanners for secrets know it."""
    scope_class: ClassVar[type[StrEnum]]
    """What tokens of a kind may let their holders do."""

    name = models.CharField(max_length=100, help_text="Which system it is for.")
    prefix = models.CharField(max_length=16, editable=False)
    """How the token begins, to tell it from others."""
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256: the token is random enough that nothing slower is needed."""
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    """To the hour: it is written no more often than that."""

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_valid(self) -> bool:
        """Whether it may still be used."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired
