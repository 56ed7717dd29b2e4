"""Tokens of merchants' systems."""

from enum import StrEnum

from django.db import models
from django.utils import timezone


class Scope(StrEnum):
    """What a token lets its holder do."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    REFUNDS_WRITE = "refunds:write"
    SUBSCRIPTIONS_READ = "subscriptions:read"
    SUBSCRIPTIONS_WRITE = "subscriptions:write"


def all_scopes() -> list[tuple[str, str]]:
    """Return the choices of scopes; a migration names this function, not the scopes."""
    return [(scope.value, scope.value) for scope in Scope]


class MerchantToken(models.Model):
    """Lets a system act for every customer. Only its holder knows the token itself."""

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

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_valid(self) -> bool:
        """Whether it may still be used."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired
