"""Tokens: the single-use card tokens that came before PaymentMethods."""

from __future__ import annotations

import time

from devstack.stripe_emulator import test_cards
from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.objects import hidden, random_word
from devstack.stripe_emulator.resources import payment_methods
from devstack.stripe_emulator.routing import Request, Routes

routes = Routes()


@routes.add("POST", "/v1/tokens", "TokenCreateParams", publishable=True)
def create(request: Request) -> StripeObject:
    """Create a token of a card number."""
    given = request.params.get("card")
    if not isinstance(given, dict):
        raise StripeError("Only card tokens are emulated.", param="card")
    card = test_cards.by_number(given["number"])
    exp_month, exp_year = int(given["exp_month"]), int(given["exp_year"])
    test_cards.check_expiry_and_cvc(
        exp_month=exp_month, exp_year=exp_year, cvc=given.get("cvc"), today=time.gmtime()[:2]
    )
    details = payment_methods.card_details(
        card, {**given, "exp_month": exp_month, "exp_year": exp_year}
    )
    token = request.session.create(
        "token",
        card={
            **dict.fromkeys(_UNSET_CARD_FIELDS),
            **{name: details[name] for name in _SHARED_CARD_FIELDS},
            "cvc_check": details["checks"]["cvc_check"],
            "id": f"card_{random_word(24)}",
            "metadata": {},
            "name": given.get("name"),
            "object": "card",
        },
        type="card",
    )
    hidden(token)["number"] = card.number
    return token


@routes.add("GET", "/v1/tokens/{id}", "TokenRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a token."""
    return request.session.get("token", request.id)


_SHARED_CARD_FIELDS = (
    "brand",
    "country",
    "exp_month",
    "exp_year",
    "fingerprint",
    "funding",
    "last4",
    "regulated_status",
)
_UNSET_CARD_FIELDS = (
    "address_city",
    "address_country",
    "address_line1",
    "address_line1_check",
    "address_line2",
    "address_state",
    "address_zip",
    "address_zip_check",
    "dynamic_last4",
    "tokenization_method",
)
