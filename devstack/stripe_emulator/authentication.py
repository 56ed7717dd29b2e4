"""API keys: `sk_test_…` may do everything, `pk_test_…` what a browser may."""

from __future__ import annotations

import base64
import binascii

from devstack.stripe_emulator.errors import StripeObject, refused

_NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header,"
    " using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See"
    " https://stripe.com/docs/api#authentication for details, or we can help at"
    " https://support.stripe.com/."
)


def is_publishable(authorization: str) -> bool:
    """Return whether the request came with a publishable key. Raise 401 unless the key is good."""
    scheme, _, credentials = authorization.partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    if not key or scheme.lower() not in ("basic", "bearer"):
        raise refused(_NO_KEY, status=401)
    if key.startswith("sk_test_") and len(key) > len("sk_test_"):
        return False
    if key.startswith("pk_test_") and len(key) > len("pk_test_"):
        return True
    shown = f"{key[:8]}{'*' * max(len(key) - 12, 4)}{key[-4:]}"
    raise refused(f"Invalid API Key provided: {shown}", status=401)


def require_secret_key() -> None:
    """Raise what Stripe answers when a publishable key asks for more than a browser may do."""
    raise refused(
        "This API call cannot be made with a publishable API key. Please use a secret API key. You"
        " can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.",
        status=401,
        code="secret_key_required",
    )


def require_client_secret(intent: StripeObject, given: str | None) -> None:
    """Raise unless the caller with a publishable key knows the intent's client secret."""
    if given is None:
        require_secret_key()
    if given != intent["client_secret"]:
        raise refused(
            "The client_secret provided does not match any associated"
            f" {'PaymentIntent' if intent['object'] == 'payment_intent' else 'SetupIntent'} on this"
            " account.",
            code=f"{intent['object']}_invalid_parameter",
            param="client_secret",
        )
