"""Tokens of systems that read the figures."""

from enum import StrEnum

from kafka_bridge.tokens.models import ScopedToken


class Scope(StrEnum):
    """What a token lets its holder do."""

    ANALYTICS_READ = "analytics:read"


class ReaderToken(ScopedToken):
    """Lets a system read figures and timelines: a monitor, a spreadsheet, a data warehouse."""

    beginning = "pba_"
    scope_class = Scope
