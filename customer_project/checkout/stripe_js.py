"""Where Stripe.js comes from, and what the browser must allow it.

https://docs.stripe.com/security/guide#content-security-policy
"""

from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

_STRIPE: Final = "https://js.stripe.com"


def policy() -> dict[str, list[str]]:
    """Return the sources to add to the Content-Security-Policy of the page that takes cards."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(settings.STRIPE_JS_URL))
    if origin != _STRIPE:  # a stand-in, which is everything in one place
        return {"script-src": [origin], "connect-src": [origin], "frame-src": [origin]}
    scripts = [_STRIPE, "https://*.js.stripe.com"]
    return {
        "script-src": scripts,
        "connect-src": ["https://api.stripe.com"],
        "frame-src": [*scripts, "https://hooks.stripe.com"],
    }


def options(*, amount: int, currency: str, language: str, mode: str = "payment") -> dict[str, Any]:
    """Return what the page's script needs to show the Payment Element.

    `mode` is `setup` where nothing is paid now, as in a trial, or for another card.
    """
    price = {} if mode == "setup" else {"amount": amount}
    return {
        "key": settings.STRIPE_PUBLISHABLE_KEY,
        "locale": language,
        "elements": {
            "mode": mode,
            **price,
            "currency": currency,
            "paymentMethodTypes": ["card"],
        },
    }
