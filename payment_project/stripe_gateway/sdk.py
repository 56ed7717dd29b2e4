"""The SDK and its HTTP client, loaded by the first who uses them: that is the worker.

They take 25 MB of memory. Consumers, relays and beat import handlers that name calls to Stripe and
make none.
"""

import importlib
from typing import TYPE_CHECKING, Any


class _Later:
    """A module that is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


if TYPE_CHECKING:
    import aiohttp
    import stripe
else:
    aiohttp = _Later("aiohttp")
    stripe = _Later("stripe")

__all__ = ["aiohttp", "stripe"]
