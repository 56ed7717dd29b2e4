"""Stripe's errors, with the words and codes the real API answers."""

from __future__ import annotations

from typing import Any

StripeObject = dict[str, Any]


class StripeError(Exception):
    """An answer of the API that is not 2xx.

    `stored` says whether an idempotency key remembers it: Stripe remembers everything that happened
    after an endpoint began to execute, and nothing that was refused before.
    `keeps_effects` says whether what the request wrote stays: a declined payment leaves a charge.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",  # noqa: A002 - Stripe's own word
        stored: bool = True,
        keeps_effects: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        self.keeps_effects = keeps_effects
        code = details.get("code")
        if code:
            details.setdefault("doc_url", doc_url(code))
        present = {name: value for name, value in details.items() if value is not None}
        self.error: dict[str, Any] = {"message": message, "type": type, **present}

    @property
    def body(self) -> dict[str, Any]:
        """Return the answer's body."""
        return {"error": self.error}


def doc_url(code: str) -> str:
    """Return the address of Stripe's page about an error code."""
    return f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"


def refused(message: str, *, status: int = 400, **details: Any) -> StripeError:
    """Make an error raised before the endpoint ran: an idempotency key forgets it."""
    return StripeError(message, status=status, stored=False, **details)


_NAMES = {"payment_method": "PaymentMethod", "setup_intent": "setupintent"}
_PATH_PARAMS = {"payment_intent": "intent", "setup_intent": "intent"}


def resource_missing(kind: str, object_id: str, *, param: str | None = None) -> StripeError:
    """Make the error for an id that names nothing: 404 in the path, 400 in a parameter."""
    name = _NAMES.get(kind, kind.rpartition(".")[2])
    return StripeError(
        f"No such {name}: '{object_id}'",
        status=400 if param else 404,
        code="resource_missing",
        param=param or _PATH_PARAMS.get(kind, "id"),
    )


def card_error(message: str, *, code: str, **details: Any) -> StripeError:
    """Make a decline: 402, kept by the idempotency key, with what it wrote."""
    return StripeError(
        message, status=402, type="card_error", code=code, keeps_effects=True, **details
    )
