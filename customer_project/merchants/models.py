"""Tokens of merchants' systems."""

from enum import StrEnum

from kafka_bridge.tokens.models import ScopedToken


class Scope(StrEnum):
    """What a token lets its holder do."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    REFUNDS_WRITE = "refunds:write"
    SUBSCRIPTIONS_READ = "subscriptions:read"
    SUBSCRIPTIONS_WRITE = "subscriptions:write"


class MerchantToken(ScopedToken):
    """Lets a system act for every customer."""

    beginning = "pbm_"
    scope_class = Scope
