"""Making and revoking merchants' tokens."""

from collections.abc import Collection
from datetime import datetime

from customer_project.merchants.models import MerchantToken, Scope
from kafka_bridge.tokens import services as tokens


def make_token(
    *, name: str, scopes: Collection[Scope], expires_at: datetime | None = None
) -> tuple[MerchantToken, str]:
    """Make a token and return it with its text, which cannot be found out again."""
    return tokens.make_token(MerchantToken, name=name, scopes=scopes, expires_at=expires_at)


def revoke_tokens(ids: Collection[int]) -> int:
    """Make tokens invalid from now on. Returns how many were not before."""
    return tokens.revoke_tokens(MerchantToken, ids)
