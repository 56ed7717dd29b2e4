"""Whether a webhook is Stripe's."""

from collections.abc import Sequence
from typing import Final

import stripe

TOLERANCE: Final = 300
"""Seconds of age, as Stripe's own libraries allow: https://docs.stripe.com/webhooks/signature"""


def is_signed(body: bytes, *, signature: str, secrets: Sequence[str]) -> bool:
    """Tell whether one of the secrets signed exactly this body, lately.

    Several secrets are right at once while one replaces another.
    """
    if not signature.isascii():  # which `hmac.compare_digest` does not compare
        return False
    return any(_is_signed_with(secret, body, signature) for secret in secrets)


def _is_signed_with(secret: str, body: bytes, signature: str) -> bool:
    try:
        return bool(
            stripe.WebhookSignature.verify_header(body.decode(), signature, secret, TOLERANCE)
        )
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
