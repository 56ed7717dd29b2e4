"""Idempotency keys: one answer a key, whatever happens to the connection.

https://docs.stripe.com/api/idempotent_requests
"""

from __future__ import annotations

import hashlib
import time

from devstack.stripe_emulator.errors import refused
from devstack.stripe_emulator.exchange import Answer, Call
from devstack.stripe_emulator.store import Store

_KEPT_SECONDS = 24 * 3600
_LONGEST_KEY = 255


class IdempotencyKeys:
    """Remembers answers in the store, and in memory which keys are being worked on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_flight: set[str] = set()

    def begin(self, key: str, call: Call) -> Answer | None:
        """Return the stored answer, or None when the request is the first with its key.

        Raises:
            StripeError: the key is in use, or was used with another request.
        """
        if len(key) > _LONGEST_KEY:
            raise refused(f"Idempotency keys may be at most {_LONGEST_KEY} characters long.")
        rows = self._store.rows(
            "select fingerprint, status, body from idempotency_key where key = ? and created > ?",
            (key, time.time() - _KEPT_SECONDS),
        )
        if rows:
            fingerprint, status, body = rows[0]
            if fingerprint != _fingerprint(call):
                raise refused(
                    "Keys for idempotent requests can only be used with the same parameters they"
                    f" were first used with. Try using a key other than '{key}' if you meant to"
                    " execute a different request.",
                    type="idempotency_error",
                )
            return Answer(status, body, {"idempotent-replayed": "true"})
        if key in self._in_flight:
            raise refused(
                "There is currently another in-progress request using this Idempotent Key (that"
                " probably means you submitted twice, and the other request is still going"
                f" through): {key}. Please try again later.",
                status=409,
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        self._in_flight.add(key)
        return None

    def end(self, key: str) -> None:
        """Let the key be used again: its request is over."""
        self._in_flight.discard(key)

    def remember(self, key: str, call: Call, *, status: int, body: bytes) -> None:
        """Store the answer, in the transaction that is open."""
        self._store.execute(
            "insert or replace into idempotency_key (key, fingerprint, status, body, created)"
            " values (?, ?, ?, ?, ?)",
            (key, _fingerprint(call), status, body, int(time.time())),
        )

    def forget_all(self) -> int:
        """Forget every stored answer, as Stripe may after a day. Return how many."""
        return self._store.execute("delete from idempotency_key")


def _fingerprint(call: Call) -> bytes:
    return hashlib.blake2b(call.line.encode() + b"\n" + call.body, digest_size=16).digest()
