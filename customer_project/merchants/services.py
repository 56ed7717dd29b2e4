"""Making, finding and revoking merchants' tokens."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from customer_project.merchants.models import MerchantToken, Scope

_BEGINNING: Final = "pbm_"
_PREFIX_LENGTH: Final = 10
_USE_IS_NOTED_EVERY: Final = timedelta(hours=1)


def make_token(
    *, name: str, scopes: Collection[Scope], expires_at: datetime | None = None
) -> tuple[MerchantToken, str]:
    """Make a token and return it with its text, which cannot be found out again."""
    text = _BEGINNING + secrets.token_urlsafe(32)
    token = MerchantToken.objects.create(
        name=name,
        prefix=text[:_PREFIX_LENGTH],
        token_hash=_hashed(text),
        scopes=sorted(scopes),
        expires_at=expires_at,
    )
    return token, text


def use_token(text: str) -> MerchantToken | None:
    """Return the valid token with this text, if there is one, and note that it is used."""
    token = MerchantToken.objects.filter(token_hash=_hashed(text)).first()
    if token is None or not token.is_valid:
        return None
    _note_use(token)
    return token


def revoke_tokens(ids: Collection[int]) -> int:
    """Make tokens invalid from now on. Returns how many were not before."""
    return MerchantToken.objects.filter(id__in=ids, revoked_at=None).update(
        revoked_at=timezone.now()
    )


def _note_use(token: MerchantToken) -> None:
    now = timezone.now()
    if token.last_used_at and token.last_used_at > now - _USE_IS_NOTED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - _USE_IS_NOTED_EVERY)
    MerchantToken.objects.filter(stale, id=token.pk).update(last_used_at=now)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
