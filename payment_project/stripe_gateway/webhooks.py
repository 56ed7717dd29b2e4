"""Webhooks, read again: the edge verified them, and this service trusts nobody."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from kafka_bridge.contracts import WebhookReceived
from payment_project.stripe_gateway.errors import WebhookNotSigned
from payment_project.stripe_gateway.sdk import stripe

_TOLERANCE: Final = 300
"""Seconds between Stripe's signature and the edge: https://docs.stripe.com/webhooks/signature"""


def read_webhook(event: WebhookReceived, *, secrets: Sequence[str]) -> dict[str, Any]:
    """Return Stripe's event, read from exactly the body that Stripe signed.

    The signature's age counts until the edge received it: Kafka may have kept it for days.

    Raises:
        WebhookNotSigned: none of the secrets signed it, or it was too old at the edge.
    """
    if not any(_is_signed_with(secret, event) for secret in secrets):
        raise WebhookNotSigned("none of our webhook secrets signed this body")
    signed_at = _signed_at(event.signature)
    age = event.timestamp.timestamp() - signed_at
    if age > _TOLERANCE:
        raise WebhookNotSigned(f"signed {age:.0f} seconds before it was received")
    webhook_event: dict[str, Any] = orjson.loads(event.raw_payload)
    return webhook_event


def sign(webhook_event: Mapping[str, Any], *, secret: str) -> tuple[str, str]:
    """Return the body and signature of an event that Stripe listed, as if it had been delivered.

    Stripe's answer to our key is as good as its signature; so what repairs goes the usual way.
    """
    body = orjson.dumps(webhook_event).decode()
    return body, stripe.WebhookSignature.generate_signature_header(body, secret)


def _is_signed_with(secret: str, event: WebhookReceived) -> bool:
    if not event.signature.isascii():  # which `hmac.compare_digest` does not compare
        return False
    try:
        return bool(
            stripe.WebhookSignature.verify_header(
                event.raw_payload, event.signature, secret, tolerance=None
            )
        )
    except stripe.SignatureVerificationError:
        return False


def _signed_at(signature: str) -> int:
    fields = dict(field.split("=", 1) for field in signature.split(",") if "=" in field)
    return int(fields["t"])
