"""The SDK's HTTP client, with every request through the gate: all retries are the SDK's."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import stripe

from payment_project.stripe_gateway.limits import Gate, endpoint_of


class GatedHTTPClient(stripe.AIOHTTPClient):
    """An AIOHTTPClient whose requests wait for their turn."""

    def __init__(self, gate: Gate, **options: Any) -> None:
        super().__init__(**options)
        self._gate = gate

    @property
    def _session(self) -> aiohttp.ClientSession:
        session: aiohttp.ClientSession = super()._session
        # aiohttp would repeat a GET by itself, past the gate, where a kept connection breaks.
        session._retry_connection = False  # noqa: SLF001 - there is no parameter for it
        return session

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send a request when its turn comes.

        Raises:
            TryLater: it was not sent.
        """
        send = super().request_async
        return await self._gate.call(
            endpoint_of(method, url), lambda: send(method, url, headers, post_data)
        )
