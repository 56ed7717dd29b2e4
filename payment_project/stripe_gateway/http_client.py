"""The SDK's HTTP client, with every request through the gate: the SDK's own retries too."""

from collections.abc import Mapping
from typing import Any

import stripe

from payment_project.stripe_gateway.limits import Gate, endpoint_of


class GatedHTTPClient(stripe.AIOHTTPClient):
    """An AIOHTTPClient whose requests wait for their turn."""

    def __init__(self, gate: Gate, **options: Any) -> None:
        super().__init__(**options)
        self._gate = gate

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
