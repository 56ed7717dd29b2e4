"""What Stripe's errors are for us. A decline is none: it is an answer."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Final

import structlog

from kafka_bridge.errors import CannotBeHandled, OutcomeUnknown, TryLater
from payment_project.stripe_gateway.sdk import aiohttp, stripe
from payment_project.stripe_gateway.states import Refusal

logger = structlog.get_logger(__name__)

_RATE_LIMIT_WAIT: Final = 2.0
_MISCONFIGURED_WAIT: Final = 30.0

_REFUSALS: Final = frozenset(
    {
        *(
            "amount_too_large",
            "amount_too_small",
            "balance_insufficient",
            "charge_already_refunded",
        ),
        *("charge_disputed", "charge_expired_for_capture", "charge_not_refundable"),
        *("payment_intent_authentication_failure", "payment_intent_unexpected_state"),
    }
)
"""https://docs.stripe.com/error-codes: what a payment's own state or amounts forbid."""
_ASKERS_OWN: Final = frozenset({"amount", "amount_to_capture", "payment_method", "return_url"})
"""Parameters that an update passes on as they came."""
_OWNED_OR_SPENT: Final = ("belongs to the Customer", "may not be used again")
"""Stripe has no code for either."""


class StripeRejected(CannotBeHandled):
    """Stripe says that our request is wrong: our bug. Dead, until a new version retries it."""


class CardOfACustomer(StripeRejected):
    """The card is saved with another Customer than the payment's, or was used up before."""


class NotOfThisPayment(CannotBeHandled):
    """The PaymentIntent is not the one that stands for the payment."""


class NotOfThisSubscription(CannotBeHandled):
    """The Subscription at Stripe is not the one that stands for the subscription."""


class WebhookNotSigned(CannotBeHandled):
    """The webhook is not Stripe's, or was too old when it arrived."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the SDK raises into what the bridge does about it.

    https://docs.stripe.com/error-handling. `CardError` passes: it is the caller's answer.

    Raises:
        TryLater: too many requests, or our key is wrong or may not do it.
        StripeRejected: our request is wrong.
        OutcomeUnknown: no answer. The charge may have been made; repeat with the same key.
    """
    try:
        yield
    except stripe.CardError:
        raise
    except stripe.RateLimitError as error:
        raise TryLater("Stripe takes no more for now", seconds=_retry_after(error)) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        logger.critical("stripe_key_refused", error=str(error))
        raise TryLater(f"Stripe refuses our key: {error}", seconds=_MISCONFIGURED_WAIT) from error
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        raise StripeRejected(str(error)) from error
    except stripe.APIError as error:
        if not (isinstance(error.json_body, dict) and "error" in error.json_body):
            # The SDK's message holds all that came: a client secret, a customer's address.
            text = f"HTTP {error.http_status} and no whole answer"
            raise OutcomeUnknown(f"{type(error).__name__}: {text}") from None
        raise OutcomeUnknown(f"{type(error).__name__}: {error}") from error
    except (stripe.StripeError, aiohttp.ClientError, TimeoutError) as error:
        raise OutcomeUnknown(f"{type(error).__name__}: {error}") from error


def is_replayed(error: OutcomeUnknown) -> bool:
    """Tell whether Stripe repeated what it has stored for the idempotency key, and always will."""
    cause = error.__cause__
    headers = (isinstance(cause, stripe.StripeError) and cause.headers) or {}
    return headers.get("Idempotent-Replayed") == "true"


def is_of_used_key(error: StripeRejected) -> bool:
    """Tell whether the idempotency key was used before, with other parameters."""
    return isinstance(error.__cause__, stripe.IdempotencyError)


def refusal_of(error: StripeRejected) -> Refusal | None:
    """Return why Stripe refused an update; None if that is our bug."""
    cause = error.__cause__
    if isinstance(cause, stripe.InvalidRequestError) and (
        cause.code in _REFUSALS or cause.param in _ASKERS_OWN
    ):
        return Refusal(cause.code or "invalid_request", cause.user_message or str(cause))
    return None


def card_is_owned_or_spent(error: StripeRejected) -> CardOfACustomer | None:
    """Return the refusal of a card that, at best, its Customer can be charged with."""
    cause = error.__cause__
    message = cause.user_message if isinstance(cause, stripe.InvalidRequestError) else None
    if message and any(words in message for words in _OWNED_OR_SPENT):
        return CardOfACustomer(message)
    return None


def is_about(error: StripeRejected, params: Iterable[str]) -> bool:
    """Tell whether Stripe refuses the value of one of these parameters."""
    cause = error.__cause__
    return isinstance(cause, stripe.InvalidRequestError) and cause.param in params


def is_missing(error: StripeRejected) -> bool:
    """Tell whether Stripe does not have what was asked for."""
    cause = error.__cause__
    return isinstance(cause, stripe.InvalidRequestError) and cause.code == "resource_missing"


def _retry_after(error: "stripe.StripeError") -> float:
    try:
        return float((error.headers or {}).get("Retry-After", ""))
    except ValueError:
        return _RATE_LIMIT_WAIT
