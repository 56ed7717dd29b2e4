"""What PaymentIntents and SetupIntents have in common."""

from __future__ import annotations

from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.objects import hidden, public
from devstack.stripe_emulator.routing import Params
from devstack.stripe_emulator.session import Session

_NEEDS_RETURN_URL = (
    "This {name} is configured to accept payment methods enabled in your Dashboard. Because some of"
    " these payment methods might redirect your customer off of your page, you must provide a"
    " `return_url`. If you don't want to accept redirect-based payment methods, set"
    " `automatic_payment_methods[enabled]` to `true` and"
    " `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and"
    " Payment Intents."
)


def automatic_payment_methods(params: Params) -> dict[str, Any] | None:
    """Return which payment methods are accepted: those of the Dashboard unless types are given."""
    given = params.get("automatic_payment_methods")
    if given is None:
        if params.get("allowed_payment_method_types"):
            return None
        return {"allow_redirects": "always", "enabled": True}
    return {"allow_redirects": given.get("allow_redirects", "always"), "enabled": given["enabled"]}


def card_options(given: dict[str, Any]) -> dict[str, Any]:
    """Return `payment_method_options` as an intent shows them."""
    card = given.get("card") or {}
    return {
        "card": {
            "installments": None,
            "mandate_options": None,
            "network": card.get("network"),
            "request_three_d_secure": card.get("request_three_d_secure", "automatic"),
        }
    }


def check_return_url(intent: StripeObject, return_url: str | None) -> None:
    """Raise unless a confirming server says where redirects come back to, if there may be any."""
    if hidden(intent).get("invoice") or return_url:
        return
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["enabled"] and automatic["allow_redirects"] != "never":
        is_payment = intent["object"] == "payment_intent"
        name = "PaymentIntent" if is_payment else "SetupIntent"
        raise StripeError(
            _NEEDS_RETURN_URL.format(name=name),
            payment_intent=public(intent) if is_payment else None,
            setup_intent=None if is_payment else public(intent),
        )


def next_action(
    session: Session, intent: StripeObject, *, return_url: str | None, use_stripe_sdk: bool
) -> dict[str, Any]:
    """Return the step the customer must take: a page to go to, or one for Stripe.js to open."""
    page = f"{session.base_url}/3d_secure/{intent['id']}"
    by_redirect = return_url and (session.asked_to_redirect or not use_stripe_sdk)
    # Stripe.js shows the page in a frame of its own, which must not wander off.
    hidden(intent)["return_url"] = return_url if by_redirect else None
    if by_redirect:
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": return_url, "url": page},
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page},
    }


def adopt_confirmation_token(session: Session, intent: StripeObject, params: Params) -> Params:
    """Return the parameters with what a ConfirmationToken carries, and spend the token."""
    token = session.get(
        "confirmation_token", params["confirmation_token"], param="confirmation_token"
    )
    if token["payment_intent"] or token["setup_intent"]:
        raise StripeError(
            f"The ConfirmationToken {token['id']} has already been used to confirm an intent.",
            param="confirmation_token",
        )
    if session.now() >= (token["expires_at"] or 0):
        raise StripeError(
            f"The ConfirmationToken {token['id']} has expired.", param="confirmation_token"
        )
    session.save(token, **{intent["object"]: intent["id"]})
    adopted: dict[str, Any] = {"payment_method": hidden(token)["payment_method"]}
    for name in ("return_url", "setup_future_usage", "shipping", "use_stripe_sdk"):
        if token[name]:
            adopted[name] = token[name]
    return Params({**adopted, **params.read_all()})
