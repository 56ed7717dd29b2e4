"""ConfirmationTokens: what a browser collected, for the server to confirm an intent with."""

from __future__ import annotations

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.objects import hidden
from devstack.stripe_emulator.resources import payment_methods
from devstack.stripe_emulator.routing import Request, Routes

routes = Routes()

_VALID_SECONDS = 12 * 3600
_CREATE = "test_helpers.ConfirmationTokenCreateParams"


@routes.add("POST", "/v1/confirmation_tokens", _CREATE, publishable=True)
def create_in_browser(request: Request) -> StripeObject:
    """Create a token as Stripe.js does; a server has only the test helper."""
    if not request.publishable:
        raise StripeError(
            "ConfirmationTokens are created by Stripe.js; in tests, use"
            " /v1/test_helpers/confirmation_tokens."
        )
    return create(request)


@routes.add("POST", "/v1/test_helpers/confirmation_tokens", _CREATE)
def create(request: Request) -> StripeObject:
    """Create a token from a payment method or the data of one."""
    session, params = request.session, request.params
    if "payment_method_data" in params:
        method = payment_methods.from_data(session, params["payment_method_data"])
    elif "payment_method" in params:
        method = payment_methods.named(session, params["payment_method"])
    else:
        raise StripeError(
            "Missing required param: payment_method_data.",
            code="parameter_missing",
            param="payment_method_data",
        )
    now = session.now()
    token = session.create(
        "confirmation_token",
        created=now,
        expires_at=now + _VALID_SECONDS,
        payment_method_preview={
            "allow_redisplay": method["allow_redisplay"],
            "billing_details": method["billing_details"],
            "card": method["card"],
            "customer": method["customer"],
            "customer_account": None,
            "type": "card",
        },
        return_url=params.get("return_url"),
        setup_future_usage=params.get("setup_future_usage"),
        shipping=params.get("shipping"),
        use_stripe_sdk=request.publishable,
    )
    hidden(token)["payment_method"] = method["id"]
    return token


@routes.add("GET", "/v1/confirmation_tokens/{id}", "ConfirmationTokenRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a token: a server looks at the preview before it confirms."""
    return request.session.get("confirmation_token", request.id)
