"""What an object of the API is here: a dict with Stripe's fields, plus hidden facts of our own."""

from __future__ import annotations

import functools
import os
import string
from pathlib import Path
from typing import Any

import orjson

from devstack.stripe_emulator.errors import StripeObject

_ALPHABET = (string.ascii_letters + string.digits).encode()
_ALPHANUMERIC = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
_HIDDEN = "_hidden"

ID_PREFIXES = {
    "balance_transaction": "txn_",
    "charge": "ch_",
    "confirmation_token": "ctoken_",
    "customer": "cus_",
    "dispute": "du_",
    "event": "evt_",
    "invoice": "in_",
    "invoice_payment": "inpay_",
    "invoiceitem": "ii_",
    "line_item": "il_",
    "payment_intent": "pi_",
    "payment_method": "pm_",
    "price": "price_",
    "product": "prod_",
    "refund": "re_",
    "setup_attempt": "setatt_",
    "setup_intent": "seti_",
    "subscription": "sub_",
    "subscription_item": "si_",
    "test_helpers.test_clock": "clock_",
    "token": "tok_",
    "webhook_endpoint": "we_",
}
_SHORT_IDS = {"customer", "product", "subscription_item"}


def random_word(length: int) -> str:
    """Return random letters and digits, as Stripe's ids are made of."""
    return os.urandom(length).translate(_ALPHANUMERIC).decode()


def new_id(kind: str) -> str:
    """Return an id such as `pi_…` for an object of `kind`."""
    return ID_PREFIXES[kind] + random_word(14 if kind in _SHORT_IDS else 24)


@functools.cache
def _defaults() -> dict[str, bytes]:
    """Read each object's fields when nothing is set, from Stripe's OpenAPI description (MIT)."""
    raw = (Path(__file__).parent / "object_defaults.json").read_bytes()
    return {kind: orjson.dumps(fields) for kind, fields in orjson.loads(raw).items()}


def new_object(kind: str, *, created: int, **fields: Any) -> StripeObject:
    """Make an object with every field Stripe shows, unset unless given."""
    made: StripeObject = orjson.loads(_defaults()[kind])
    made.update(id=new_id(kind), object=kind)
    if "created" in made:
        made["created"] = created
    made.update(fields)
    return made


def hidden(stripe_object: StripeObject) -> dict[str, Any]:
    """Return what the emulator keeps about an object and no answer shows."""
    facts: dict[str, Any] = stripe_object.setdefault(_HIDDEN, {})
    return facts


def public(stripe_object: StripeObject) -> StripeObject:
    """Return the object as the API shows it."""
    return {name: value for name, value in stripe_object.items() if name != _HIDDEN}


def merged_metadata(old: dict[str, str] | None, new: dict[str, str] | str) -> dict[str, str]:
    """Return metadata after an update: an empty value unsets its key, an empty string all."""
    if isinstance(new, str):
        return {}
    return {key: value for key, value in {**(old or {}), **new}.items() if value != ""}


def a_list(data: list[StripeObject], *, url: str, has_more: bool = False) -> StripeObject:
    """Return Stripe's envelope of a list."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
