"""A stand-in for Stripe that only answers: `python -m devstack.bench.canned_stripe --port 8010`.

Every PaymentIntent succeeds, after the latency asked for. It keeps no books beside two counts, so
that a benchmark measures the services: the emulator, which keeps them, costs as much as a payment
costs all three services. The answer's shape and size are the emulator's.
"""

import argparse
import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import orjson
import uvloop

from devstack.ports import HOST

_ANSWER: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "payment_intent.json").read_text()
)
_NOTHING: Final = b'{"object": "list", "data": [], "has_more": false}'
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEY: Final = re.compile(rb"\r\nidempotency-key: *([^\r]+)", re.IGNORECASE)


class CannedStripe:
    """What is answered, how late, and how often it was asked."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.requests = 0
        self.charged: dict[bytes, bytes] = {}
        self.intents: dict[bytes, bytes] = {}

    def answer(self, method: bytes, path: bytes, head: bytes, body: bytes) -> tuple[bytes, float]:
        """Return the answer's body, and after how many seconds it is given."""
        if path == b"/_canned":
            if method == b"POST":
                self.latency = float(orjson.loads(body)["latency"])
            counts = {"requests": self.requests, "charges": len(self.charged)}
            return orjson.dumps(counts), 0.0
        if path == b"/_canned/intents":
            return b"[%b]" % b",".join(self.intents.values()), 0.0
        if method == b"GET":
            return self.intents.get(path.rpartition(b"/")[2], _NOTHING), self.latency
        self.requests += 1
        key = _KEY.search(head)
        made = self.charged.get(key.group(1)) if key else None
        if made is None:
            made = self._intent(dict(parse_qsl(body.decode())))
            self.charged[key.group(1) if key else str(self.requests).encode()] = made
        return made, self.latency

    def _intent(self, given: dict[str, str]) -> bytes:
        number = f"{len(self.charged):024d}"
        intent_id = f"pi_{number}"
        intent = {
            **_ANSWER,
            "id": intent_id,
            "client_secret": f"pi_{number}_secret_{number}",
            "amount": int(given["amount"]),
            "amount_received": int(given["amount"]),
            "currency": given["currency"],
            "created": int(time.time()),
            "metadata": {
                name[len("metadata[") : -1]: value
                for name, value in given.items()
                if name.startswith("metadata[")
            },
        }
        charge = {"amount": intent["amount"], "amount_captured": intent["amount"]}
        intent["latest_charge"] = {**_ANSWER["latest_charge"], **charge, "id": f"ch_{number}"}
        self.intents[intent_id.encode()] = made = orjson.dumps(intent)
        return made


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests are answered in the order in which they came."""

    def __init__(self, stripe: CannedStripe) -> None:
        self._stripe = stripe
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _LENGTH.search(head)
            after = end + 4 + (int(length.group(1)) if length else 0)
            if len(self._buffer) < after:
                return
            body, self._buffer = self._buffer[end + 4 : after], self._buffer[after:]
            method, path, _ = head.split(b" ", 2)
            answer, latency = self._stripe.answer(method, path.partition(b"?")[0], head, body)
            if latency:
                asyncio.get_running_loop().call_later(latency, self._write, answer)
            else:
                self._write(answer)

    def _write(self, answer: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRequest-Id: req_canned\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(answer), answer)
        )


async def _serve(port: int) -> None:
    stripe = CannedStripe()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(stripe), HOST, port, backlog=1024
    )
    await server.serve_forever()


def main() -> None:
    """Answer until stopped."""
    parser = argparse.ArgumentParser(prog="python -m devstack.bench.canned_stripe")
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
