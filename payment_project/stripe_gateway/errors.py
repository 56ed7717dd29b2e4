"""What Stripe's errors are for us. A decline is none: it is an answer."""

import contextlib
from collections.abc import Iterator
from typing import Final

import aiohttp
import stripe
import structlog

from kafka_bridge.errors import CannotBeHandled, OutcomeUnknown, TryLater

logger = structlog.get_logger(__name__)

_RATE_LIMIT_WAIT: Final = 2.0
_MISCONFIGURED_WAIT: Final = 30.0


class StripeRejected(CannotBeHandled):
    """Stripe says that our request is wrong: our bug. Dead, until a new version retries it."""


class NotOfThisPayment(CannotBeHandled):
    """The PaymentIntent is not the one that stands for the payment."""


class WebhookNotSigned(CannotBeHandled):
    """The webhook is not Stripe's, or was too old when it arrived."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the SDK raises into what the bridge does about it.

    https://docs.stripe.com/error-handling. `CardError` passes: it is the caller's answer.

    Raises:
        TryLater: too many requests, or our key is wrong.
        StripeRejected: our request is wrong, or our key may not do it.
        OutcomeUnknown: no answer. The charge may have been made; repeat with the same key.
    """
    try:
        yield
    except stripe.CardError:
        raise
    except stripe.RateLimitError as error:
        raise TryLater("Stripe takes no more for now", seconds=_retry_after(error)) from error
    except stripe.AuthenticationError as error:
        logger.critical("stripe_key_refused", error=str(error))
        raise TryLater(f"Stripe refuses our key: {error}", seconds=_MISCONFIGURED_WAIT) from error
    except (
        stripe.InvalidRequestError,
        stripe.IdempotencyError,
        stripe.PermissionError,
    ) as error:
        raise StripeRejected(str(error)) from error
    except (stripe.StripeError, aiohttp.ClientError, TimeoutError) as error:
        raise OutcomeUnknown(f"{type(error).__name__}: {error}") from error


def is_replayed(error: OutcomeUnknown) -> bool:
    """Tell whether Stripe repeated what it has stored for the idempotency key, and always will."""
    cause = error.__cause__
    headers = (isinstance(cause, stripe.StripeError) and cause.headers) or {}
    return headers.get("Idempotent-Replayed") == "true"


def _retry_after(error: stripe.StripeError) -> float:
    try:
        return float((error.headers or {}).get("Retry-After", ""))
    except ValueError:
        return _RATE_LIMIT_WAIT
