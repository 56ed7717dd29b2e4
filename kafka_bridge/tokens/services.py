"""Making, finding and revoking tokens of a kind."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.db.models import Q
from django.utils import timezone

from kafka_bridge.tokens.models import ScopedToken

T = TypeVar("T", bound=ScopedToken)

_PREFIX_LENGTH: Final = 10
_USE_IS_NOTED_EVERY: Final = timedelta(hours=1)


def make_token(
    kind: type[T], *, name: str, scopes: Collection[str], expires_at: datetime | None = None
) -> tuple[T, str]:
    """Make a token and return it with its text, which cannot be found out again."""
    text = kind.beginning + secrets.token_urlsafe(32)
    token = kind.objects.create(
        name=name,
        prefix=text[:_PREFIX_LENGTH],
        token_hash=_hashed(text),
        scopes=sorted(scopes),
        expires_at=expires_at,
    )
    return token, text


def use_token(kind: type[T], text: str) -> T | None:
    """Return the valid token with this text, if there is one, and note that it is used."""
    token = kind.objects.filter(token_hash=_hashed(text)).first()
    if token is None or not token.is_valid:
        return None
    _note_use(token)
    return token


def revoke_tokens(kind: type[ScopedToken], ids: Collection[int]) -> int:
    """Make tokens invalid from now on. Returns how many were not before."""
    tokens = kind.objects.filter(pk__in=ids, revoked_at=None)
    return tokens.update(revoked_at=timezone.now())


def _note_use(token: ScopedToken) -> None:
    now = timezone.now()
    if token.last_used_at and token.last_used_at > now - _USE_IS_NOTED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - _USE_IS_NOTED_EVERY)
    type(token).objects.filter(stale, pk=token.pk).update(last_used_at=now)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
