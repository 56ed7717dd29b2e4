"""Making something at Stripe once: by a key, and by looking for it where the key is no help."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from django.utils import timezone

from kafka_bridge.errors import OutcomeUnknown
from kafka_bridge.handlers import current_delivery
from payment_project.stripe_gateway.errors import StripeRejected, is_of_used_key, is_replayed

T = TypeVar("T")

_KEYS_ARE_KEPT: Final = timedelta(hours=20)
"""Stripe keeps idempotency keys for 24: https://docs.stripe.com/api/idempotent_requests"""


async def make_once(
    make: Callable[[], Awaitable[T]], *, find: Callable[[], Awaitable[T | None]]
) -> T:
    """Make something at Stripe once, however often the event in hand asks for it.

    Stripe knows a repetition by `make`'s idempotency key. But it forgets keys after a day, and
    repeats a 500 that it stored for one, whether it did the work or not: then `find` tells. So it
    does where a key was used with other parameters: those of an earlier version of ours.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    if key_may_be_forgotten() and (made := await find()):
        return made
    try:
        return await make()
    except OutcomeUnknown as error:
        if is_replayed(error) and (made := await find()):
            return made
        raise
    except StripeRejected as error:
        if is_of_used_key(error) and (made := await find()):
            return made
        raise


def key_may_be_forgotten() -> bool:
    """Tell whether Stripe may not know a key any more that the event in hand was tried with."""
    delivery = current_delivery()
    # By whichever clock it is older: one may be slow, and the other stood still with the machine.
    return max(delivery.age, timezone.now() - delivery.begun_at) > _KEYS_ARE_KEPT
